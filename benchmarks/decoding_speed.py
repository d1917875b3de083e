"""CPU seconds that an answer takes: our three ways of asking beside the library's `generate` and OpenVINO GenAI.

    python benchmarks/decoding_speed.py --home HOME [--model NAME] [--openvino-path FOLDER] [--texts 32] [--quick]

HOME is one in which a real base was trained, such as `demo-real` below the home of `feedback demo --real`. Each side answers
about the same excerpts of real speech in a process of its own with one thread: first a few one by one, then all of them as it
likes them best. `--openvino-path` names the folder that `pip install --target FOLDER --no-deps openvino openvino-genai
openvino-tokenizers` filled; it is for comparison alone, and is given our own Q8_0 export. Not collected by pytest.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from own_process import environment_with
from results_page import processor_name, processor_seconds, table, write_results

from feedback_model.demo.real_speech import read_real_speech
from feedback_model.inference.infer import BATCH_SIZE, default_max_new_tokens
from feedback_model.inference.models import choose_model
from feedback_model.parsing import judge
from feedback_model.store.connection import open_store
from feedback_model.training.precision import bfloat16_pays

PEERS = Path(__file__).parent / "peers"
MODELS, TRANSCRIPTS = 5, 200  # of the evaluation that the aims speak of
OURS = ("direct", "template", "free")


@dataclass(frozen=True, slots=True)
class Side:
    """Who answers, and how it is told to."""

    name: str
    script: str
    work: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU seconds of one side, and what it said."""

    name: str
    opened: float
    """Until it could be asked."""
    first: float
    alone: float
    """A transcript, asked one by one."""
    bulk: float
    """A transcript, of many."""
    computes: str
    said: tuple[tuple[str, int], ...]
    """Texts and their tokens."""

    @property
    def tokens(self) -> float:
        return sum(n_tokens for _, n_tokens in self.said) / len(self.said)

    @property
    def valid(self) -> int:
        return sum(judge(text.encode(), "stop").tier == "strict" for text, _ in self.said)

    def evaluation(self) -> float:
        """Of all models about all transcripts, start-up included."""
        return MODELS * (self.opened + TRANSCRIPTS * self.bulk)


def sides(exported: Path | None) -> list[Side]:
    ours = [Side(f"ours, `{way}`", "own", {"decoding": way, "at_once": BATCH_SIZE}) for way in OURS]
    kinds = ("float32", "bfloat16") if bfloat16_pays() else ("float32",)  # else hours of one core
    peers = [Side(f"`generate`, {kind}", "generate", {"precision": kind, "at_once": 16}) for kind in kinds]
    if exported:
        peers.append(Side("OpenVINO GenAI, Q8_0", "openvino", {"exported": str(exported), "at_once": 16}))
    return ours + peers


def measure(side: Side, common: dict[str, Any], environment: dict[str, str]) -> Measured:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(common | side.work, file)
        file.flush()
        command = [sys.executable, str(PEERS / f"{side.script}_answers.py"), file.name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{side.name} failed with {done.returncode}")
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"{side.name}: {found['alone']:.2f} alone, {found['bulk']:.2f} in bulk", file=sys.stderr)
    said = tuple((each["text"], each["n_tokens"]) for each in found.pop("said"))
    return Measured(side.name, **found, said=said)


def export(home: Path, model_id: str, folder: Path) -> Path:
    """Our own GGUF file of the model, as the command writes it."""
    command = [sys.executable, "-m", "deployments.cli", "export", "--format", "gguf", "--weights", "q8_0"]
    options = ["--model", model_id, "--without-evaluation", "--out", str(folder)]
    subprocess.run([*command, *options], check=True, env=os.environ | {"FEEDBACK_HOME": str(home)})
    return folder


def first_answer(home: Path, model_id: str, text: str, environment: dict[str, str]) -> tuple[float, float]:
    """CPU seconds and wall-clock seconds of `feedback score` on one transcript, from its start to its end."""
    command = [sys.executable, "-m", "deployments.cli", "score", "-", "--model", model_id]
    before, started = processor_seconds(), time.monotonic()
    subprocess.run(
        command,
        input=text,
        text=True,
        stdout=subprocess.DEVNULL,
        check=True,
        env=environment | {"FEEDBACK_HOME": str(home)},
    )
    return processor_seconds() - before, time.monotonic() - started


def environment_of(openvino: Path | None) -> dict[str, str]:
    paths = [str(Path(__file__).parents[1]), *([str(openvino)] if openvino else ())]
    return environment_with(1) | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(paths)}


def row(side: Measured, reference: Measured) -> list[object]:
    same = sum(text == other for (text, _), (other, _) in zip(side.said, reference.said, strict=True))
    has_text = any(text for text, _ in side.said)
    shown = (
        [f"{side.tokens:.0f}", f"{side.valid}/{len(side.said)}", f"{same}/{len(side.said)}"] if has_text else ["-"] * 3
    )
    costs = [f"{side.opened:.1f}", f"{side.alone:.2f}", f"{side.bulk:.2f}"]
    return [side.name, side.computes, *costs, *shown, f"{reference.evaluation() / side.evaluation():.1f}"]


HEADER = (
    "side",
    "computes in",
    "start-up",
    "one by one",
    "in bulk",
    "tokens an answer",
    "valid",
    "same as `generate`, float32",
    "times as fast, start-up included",
)


def page(found: Sequence[Measured], name: str, n_texts: int, first: tuple[float, float]) -> str:
    reference = next(side for side in found if side.name == "`generate`, float32")
    return f"""# Speed of decoding

{processor_name()}, one thread; SmolLM2-135M-Instruct, {name}, {n_texts} excerpts of real speech with 60 to 250 words. CPU seconds
a transcript; start-up is until a model can be asked.

{table(HEADER, [row(side, reference) for side in found])}

The last column compares {MODELS} models about {TRANSCRIPTS} transcripts each: start-up and the time in bulk, multiplied out.
`direct` gives scores alone; `template` scores and explanations; the others whole answers. Answers that differ from those in
float32 differ by the rounding of 16 bits or of Q8_0. `feedback score` on one transcript, from its start to its end:
{first[0]:.1f} CPU seconds, {first[1]:.1f} s.
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--model")
    parser.add_argument("--openvino-path", type=Path)
    parser.add_argument("--texts", type=int, default=32)
    parser.add_argument("--quick", action="store_true", help="two texts, to see that it runs; not kept")
    arguments = parser.parse_args()
    n_texts = 2 if arguments.quick else arguments.texts
    store = open_store(f"sqlite:///{arguments.home / 'feedback.db'}")
    version = choose_model(store, arguments.model).version
    texts = read_real_speech()[-n_texts:]
    started, environment = processor_seconds(), environment_of(arguments.openvino_path)
    common = {
        "home": str(arguments.home),
        "model_id": version.model_id,
        "max_new_tokens": default_max_new_tokens(version),
    }
    common |= {"alone": texts[: min(3, n_texts)], "bulk": texts}
    with tempfile.TemporaryDirectory() as folder:
        exported = arguments.openvino_path and export(arguments.home, version.model_id, Path(folder) / "exported")
        found = [measure(side, common, environment) for side in sides(exported)]
    first = first_answer(arguments.home, version.model_id, texts[0], environment)
    body = page(found, version.name, n_texts, first)
    if arguments.quick:
        print(body)
        return
    used = processor_seconds() - started
    write_results("decoding_speed", ["torch", "transformers", "peft"], used, body, arguments=f"--texts {n_texts}")


if __name__ == "__main__":
    main()
