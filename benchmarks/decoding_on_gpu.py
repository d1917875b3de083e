"""Answers a second on a GPU: our three ways of asking beside the library's `generate`, at the shape of Qwen2.5-0.5B.

    python benchmarks/decoding_on_gpu.py [--texts N] [--max-new-tokens N]

Needs a CUDA device and `make tokenizers`. The weights are random, which is enough for speed: answers do not end by themselves,
so all of them have the same number of tokens. The model is in NF4, as an epoch's base is. One process asks in all ways, each once
before it is timed. Without a CUDA device `--texts 2` shows that it runs; nothing is kept of that.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from results_page import device_and_processor, processor_seconds, table, write_results
from training_speed import ROOT, SHAPE, build_shape

from feedback_model.demo.real_speech import read_real_speech
from feedback_model.inference.generator import Output
from feedback_model.inference.infer import open_generator
from feedback_model.records.evaluation import Decoding
from feedback_model.records.training import ModelVersion
from feedback_model.training.loading import device_name

TEXTS, NEW_TOKENS, WARM_UP = 64, 150, 8
OURS: tuple[Decoding, ...] = ("direct", "template", "free")
SIZES = (16, 64)
Answer = Callable[[Sequence[str]], "list[Output]"]


class Timed(NamedTuple):
    """One way of asking."""

    name: str
    seconds: float
    tokens: int


def timed(name: str, answer: Answer, texts: Sequence[str]) -> Timed:
    answer(texts[:WARM_UP])
    started = time.perf_counter()
    said = answer(texts)
    return Timed(name, time.perf_counter() - started, sum(each.n_tokens for each in said))


def in_batches(answer: Answer, size: int, texts: Sequence[str]) -> list[Output]:
    return [each for start in range(0, len(texts), size) for each in answer(texts[start : start + size])]


def measure(model: ModelVersion, texts: Sequence[str], limit: int) -> list[Timed]:
    from feedback_model.inference.loaded import load_version
    from feedback_model.inference.reference import ReferenceGenerator

    home = Path()  # a base has no adapter that would lie in one
    found = [timed(f"ours, `{way}`", open_generator(home, model, way, limit)[0].generate, texts) for way in OURS]
    reference = ReferenceGenerator(*load_version(home, model), limit)
    ways = {f"`generate`, {size} at once": partial(in_batches, reference.generate, size) for size in SIZES}
    return [*found, *(timed(name, answer, texts) for name, answer in ways.items())]


def row(each: Timed, n_texts: int) -> list[object]:
    per_second = "-" if not each.tokens else f"{each.tokens / each.seconds:,.0f}"
    return [each.name, f"{each.seconds:.2f}", f"{n_texts / each.seconds:.1f}", per_second]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=int, default=TEXTS)
    parser.add_argument("--max-new-tokens", type=int, default=NEW_TOKENS)
    parser.add_argument("--tokenizer", type=Path, default=ROOT / ".tokenizers/qwen2_5")
    arguments = parser.parse_args()
    started, texts = processor_seconds(), read_real_speech()[: arguments.texts]
    with tempfile.TemporaryDirectory() as folder:
        base = build_shape(Path(folder) / SHAPE, arguments.tokenizer, device_name())
        found = measure(ModelVersion("base-nf4", base, quantised=True), texts, arguments.max_new_tokens)
    header = ("", "seconds", "transcripts a second", "tokens a second")
    body = f"""# Decoding on a GPU

{device_and_processor()}. The shape of Qwen2.5-0.5B with random weights in NF4 values, {len(texts)} excerpts of real speech,
answers of {arguments.max_new_tokens} tokens; under `template` each of six explanations has a sixth of them.

{table(header, [row(each, len(texts)) for each in found])}
"""
    if device_name() != "cuda" or len(texts) < TEXTS:
        print(body)
        return
    write_results("decoding_on_gpu", ["torch", "transformers"], processor_seconds() - started, body)


if __name__ == "__main__":
    main()
