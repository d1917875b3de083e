"""Real speech that ships with the package: excerpts of meetings, debates, interviews and addresses, as JSON lines.

Each record names its licence and whom to credit; NOTICE has the terms.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Final

FILE_NAME: Final = "real_speech.jsonl"


def write_real_speech(path: Path) -> None:
    """Write the excerpts to `path` as JSON lines that `feedback land` reads."""
    path.write_bytes(files("feedback_model.demo").joinpath(FILE_NAME).read_bytes())


def read_real_speech() -> list[str]:
    """Return the texts of the excerpts."""
    lines = files("feedback_model.demo").joinpath(FILE_NAME).read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]
