"""bespokelabs-curator, as its documentation uses it. `python curator_client.py URL TEXTS FOLDER [RPM TPM]`

Limits are learned from headers unless given. Its tokenizer wants to download a table; one that comes with it is used instead.
"""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

url, texts, folder, *limits = sys.argv[1:]
os.environ |= {
    "OPENAI_API_KEY": "curator",
    "TELEMETRY_ENABLED": "false",
    "CURATOR_CACHE_DIR": folder,
    "HF_HUB_OFFLINE": "1",
}

tables = Path(find_spec("litellm").submodule_search_locations[0]) / "litellm_core_utils" / "tokenizers"
os.environ["TIKTOKEN_CACHE_DIR"] = str(tables)
import tiktoken  # noqa: E402 - reads the variable above as it is loaded

tiktoken.encoding_for_model = lambda _model: tiktoken.get_encoding("cl100k_base")

from bespokelabs import curator  # noqa: E402 - likewise, and calls what is replaced above


class Labeller(curator.LLM):
    def prompt(self, row: dict) -> list:
        return row["messages"]

    def parse(self, row: dict, response: str) -> dict:
        return {"id": row["id"], "answer": response}


given = dict(zip(("max_requests_per_minute", "max_tokens_per_minute"), map(int, limits), strict=False))
labeller = Labeller(
    model_name="gpt-4o-mini",
    backend="openai",
    backend_params={"base_url": url, "api_key": "curator", **given},
    generation_params={"max_tokens": 900},
)
labeller([json.loads(line) for line in Path(texts).read_text().splitlines()], working_dir=folder)
