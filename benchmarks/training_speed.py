"""Training beside TRL's SFTTrainer: the same base in NF4, the same samples in the same order, the same learning rates.

    python benchmarks/training_speed.py [--trl-path FOLDER] [--steps N] [--threads N]
    python benchmarks/training_speed.py --shape qwen2.5-0.5b --device cuda [--trl-path FOLDER]

Needs `make smollm2`, and TRL: `.venv/bin/pip install --no-deps trl==1.16.0`, or with `--target FOLDER` into a folder of its own;
without it our side runs alone. The second form needs a CUDA device and `make tokenizers`; its base has the shape of
Qwen2.5-0.5B and random weights, which is enough for speed and memory. A CPU takes an hour, a GPU some minutes.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from labelled_speech import labelled
from results_page import device_and_processor, processor_name, processor_seconds, table, write_results
from training_sides import SIDES, Measured, measure

from feedback_model.demo import real_speech
from feedback_model.records.labels import LabelledTranscript
from feedback_model.records.recipe import Recipe
from feedback_model.records.training import BaseModel, default_recipe
from feedback_model.training.base_model import SMOLLM2, resolve_base

ROOT = Path(__file__).parents[1]
SPEECH = Path(real_speech.__file__).with_name(real_speech.FILE_NAME)
SHAPE = "qwen2.5-0.5b"
SEED, BATCH, STEPS = 20261129, 8, 24


def samples(steps: int) -> tuple[list[dict[str, str]], int]:
    """Excerpts for `steps` batches, and the epochs in which they are taken."""
    rows = [json.loads(line) for line in SPEECH.read_text(encoding="utf-8").splitlines()]
    epochs = -(-steps // (len(rows) // BATCH))
    return random.Random(SEED).sample(rows, steps // epochs * BATCH), epochs


def encode_in_order(base: BaseModel, examples: Sequence[LabelledTranscript], recipe: Recipe) -> list[dict[str, Any]]:
    """Each sample's tokens, in the order in which our loop takes them."""
    from feedback_model.training.collate import epoch_batches
    from feedback_model.training.encoding import ChatEncoder
    from feedback_model.training.loading import load_tokenizer

    encoded = ChatEncoder(load_tokenizer(base)).encode_examples(examples, recipe.max_length)
    batches = [
        batch
        for epoch in range(1, recipe.epochs + 1)
        for batch in epoch_batches(len(encoded), recipe.batch_size, recipe.seed, epoch)
    ]
    return [
        {"prompt": encoded[index].prompt_ids, "answer": encoded[index].answer_ids}
        for batch in batches
        for index in batch
    ]


def work_of(base: BaseModel, steps: int, device: str, trl_path: str) -> dict[str, Any]:
    """Everything that both sides are told."""
    from feedback_model.training.loop import learning_rate_at

    rows, epochs = samples(steps)
    alone = {"branch_weight": 0.0, "expectation_weight": 0.0}  # as TRL: whole answers, no branches
    recipe = replace(default_recipe(base), batch_size=BATCH, epochs=epochs, **alone)
    encoded = encode_in_order(base, [labelled(row) for row in rows], recipe)
    n_steps = len(encoded) // BATCH
    return {
        "base": asdict(base),
        "device": device,
        "recipe": asdict(recipe),
        "rows": rows,
        "encoded": encoded,
        "learning_rates": [learning_rate_at(recipe, step, n_steps) for step in range(1, n_steps + 1)],
        "trl_path": trl_path,
    }


def build_shape(folder: Path, tokenizer: Path, device: str) -> BaseModel:
    """A base with the shape of Qwen2.5-0.5B, its tokenizer, and random weights."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from feedback_model.training.loading import quiet_libraries

    if not (tokenizer / "tokenizer.json").is_file():
        sys.exit(f"{tokenizer} holds no tokenizer: run `make tokenizers`")
    config = Qwen2Config(
        vocab_size=151_936,
        hidden_size=896,
        intermediate_size=4_864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        max_position_embeddings=32_768,
        tie_word_embeddings=True,
        eos_token_id=151_645,
        pad_token_id=151_643,
        dtype=torch.bfloat16,
    )
    torch.manual_seed(SEED)
    with quiet_libraries(), torch.device(device):
        Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, folder)
    return resolve_base(str(folder))


def gib(n_bytes: float) -> str:
    return f"{n_bytes / 1024**3:.2f} GiB"


def side_rows(found: dict[str, Measured | None], n_tokens: int) -> list[list[object]]:
    ours, rows = found["ours"], []
    assert ours is not None
    for side, each in found.items():
        if each is None:
            rows.append([side, *["did not fit into memory"], *["-"] * 9])
            continue
        apart = sum(abs(a - b) for a, b in zip(each.losses, ours.losses, strict=True)) / len(each.losses)
        rows.append(
            [
                side,
                f"{n_tokens / each.processor_seconds:,.0f}",
                f"{each.processor_seconds:,.1f}",
                f"{n_tokens / each.seconds:,.0f}",
                f"{each.seconds:,.1f}",
                gib(each.after.peak),
                gib(each.before.peak),
                "-" if each.gpu_peak is None else gib(each.gpu_peak),
                f"{each.losses[0]:.4f}",
                f"{each.losses[-1]:.4f}",
                f"{apart:.4f}",
            ]
        )
    return rows


HEADER = (
    "",
    "real tokens per CPU-second",
    "CPU seconds",
    "real tokens/s",
    "seconds",
    "peak memory",
    "of it before the first step",
    "peak GPU memory",
    "first loss",
    "last loss",
    "mean distance from our losses",
)


def ratio_rows(found: dict[str, Measured | None]) -> list[list[object]]:
    """Ours over each of the others: above 1 is more, below 1 less."""
    ours, rows = found["ours"], []
    assert ours is not None
    for side, each in found.items():
        if each is not None and side != "ours":
            gpu = f"{ours.gpu_peak / each.gpu_peak:.0%}" if ours.gpu_peak and each.gpu_peak else "-"
            per_cpu = each.processor_seconds / ours.processor_seconds
            memory = ours.after.peak / each.after.peak
            rows.append([side, f"{per_cpu:.2f}", f"{each.seconds / ours.seconds:.2f}", f"{memory:.0%}", gpu])
    return rows


def describe(found: dict[str, Measured | None], work: dict[str, Any], threads: int) -> str:
    encoded, recipe = work["encoded"], work["recipe"]
    n_tokens = sum(len(each["prompt"]) + len(each["answer"]) for each in encoded)
    known = {side: each for side, each in found.items() if each is not None}
    losses = [
        [step, f"{rate:.2e}", *(f"{each.losses[step - 1]:.4f}" for each in known.values())]
        for step, rate in enumerate(work["learning_rates"], start=1)
    ]
    device = device_and_processor() if work["device"] == "cuda" else processor_name()
    names = "; ".join(f"{side}: {each.name}" for side, each in known.items())
    return f"""# Training beside TRL

{device}; {threads} thread(s) a side, each in a process of its own, one after the other. {names}.

Base {Path(work["base"]["name"]).name} in NF4 with double quantisation, LoRA of rank {recipe["rank"]} and alpha {recipe["alpha"]}
on all linear layers, {len(losses)} steps of {BATCH} samples in the same order, each with the same learning rate (at its peak
{recipe["learning_rate"]:g}), gradients clipped at {recipe["max_gradient_norm"]:g}, the loss over answers alone.
{n_tokens:,} real tokens: prompts and answers, no padding, each counted for each sample that it stands in. The samples are
excerpts of real speech from the demo, labelled by the offline labeller.

{table(HEADER, side_rows(found, n_tokens))}

CPU seconds, seconds and peak memory (`VmHWM`, the whole process, loading included) are read from outside, right before the first
step and after the last; ours saves its state every ten seconds and its adapter at the end of an epoch, TRL writes nothing.

## Ours against

{table(["", "tokens per CPU-second, times", "tokens/s, times", "peak memory", "peak GPU memory"], ratio_rows(found))}

## Loss of each step

{table(["step", "learning rate", *known], losses)}
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", default=SMOLLM2, help="a base model as `--base-model` takes it")
    parser.add_argument("--shape", choices=[SHAPE], help="random weights of this shape in place of a base")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of {BATCH} samples; fewer than {STEPS} are not kept")
    parser.add_argument("--threads", type=int, default=1, help="of each side")
    parser.add_argument(
        "--sides", type=int, default=len(SIDES), help="so many of the sides, ours first; fewer are not kept"
    )
    parser.add_argument("--trl-path", default="", help="folder that TRL was installed into, if not this environment")
    parser.add_argument("--tokenizer", type=Path, default=ROOT / ".tokenizers/qwen2_5", help="for --shape")
    arguments = parser.parse_args()
    if arguments.device == "cuda":
        from feedback_model.training.loading import device_name

        if device_name() != "cuda":
            sys.exit("there is no CUDA device here: run this where one is, or leave --device out")
    if arguments.trl_path:
        sys.path.append(arguments.trl_path)
    with tempfile.TemporaryDirectory() as folder:
        compare(arguments, Path(folder))


def compare(arguments: argparse.Namespace, folder: Path) -> None:
    started = processor_seconds()
    base = (
        build_shape(folder / SHAPE, arguments.tokenizer, arguments.device)
        if arguments.shape
        else resolve_base(arguments.base)
    )
    trl_path = str(Path(arguments.trl_path).absolute()) if arguments.trl_path else ""
    work = work_of(base, arguments.steps, arguments.device, trl_path)
    has_trl = find_spec("trl") is not None
    if not has_trl:
        print("TRL is not installed, so our side runs alone", file=sys.stderr)
    sides = [side for side in SIDES if has_trl or side == "ours"][: arguments.sides]
    found = {side: measure(side, work, folder, arguments.threads) for side in sides}
    body = describe(found, work, arguments.threads)
    if arguments.steps < STEPS or len(sides) < len(SIDES):
        print(body)
        return
    said = f"--shape {SHAPE} --device {arguments.device}" if arguments.shape else f"--threads {arguments.threads}"
    page = f"training_speed_{arguments.device}" if arguments.shape else "training_speed"
    packages = ["torch", "transformers", "peft", "bitsandbytes", "accelerate"]
    write_results("training_speed", packages, processor_seconds() - started, body, arguments=said, page=page)


if __name__ == "__main__":
    main()
