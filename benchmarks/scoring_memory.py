"""Memory and pace of `feedback score` as the number of transcripts grows: flat, or not.

    python benchmarks/scoring_memory.py [--decoding direct] [--quick]

Needs `make smollm2`. Each line is one run of the command as a person starts it, over beginnings of excerpts of real speech,
repeated with a number before each, so that no two are alike. The peak is the largest resident set that the kernel counted
(`ru_maxrss`); the
bases are as published, since memory does not depend on what the weights say.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from results_page import processor_name, processor_seconds, table, write_results

from feedback_model.demo.real_speech import read_real_speech
from feedback_model.inference.infer import model_versions
from feedback_model.store.connection import open_store
from feedback_model.store.training import record_models
from feedback_model.training.base_model import resolve_base

COUNTS = {"smollm2": (1_000, 5_000), "embedded": (10_000, 100_000)}
WORDS = 40
QUICK = {"embedded": (200, 1_000)}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the command."""

    base: str
    count: int
    out: str
    """Ending of the result's file."""
    peak: int
    """Bytes."""
    seconds: float
    """Of processor time, start-up included."""


def write_talks(path: Path, count: int) -> None:
    """Write `count` short texts: what grows with their number does so at any length, and short ones take minutes less."""
    with path.open("w", encoding="utf-8") as file:
        for number, whole in enumerate(islice(cycle(read_real_speech()), count)):
            text = " ".join(whole.split()[:WORDS])
            file.write(json.dumps({"id": f"t{number}", "text": f"Number {number}. {text}"}) + "\n")


def prepare_model(home: Path, base: str) -> str:
    """Enter the untrained base into the database of `home`; returns the model's id."""
    store = open_store(f"sqlite:///{home / 'feedback.db'}")
    model, _ = model_versions(resolve_base(base), None)
    record_models(store, [model])
    store.close()
    return model.model_id


def score(home: Path, base: str, count: int, ending: str, options: Sequence[str]) -> Run:
    """Run the command to its end; what it says goes where this script's does."""
    talks, out = home / "talks.jsonl", home / f"answers.{ending}"
    write_talks(talks, count)
    command = [sys.executable, "-m", "deployments.cli", "score", str(talks), "--out", str(out), "--again"]
    pid = os.posix_spawn(
        sys.executable,
        [*command, "--model", prepare_model(home, base), *options],
        os.environ | {"FEEDBACK_HOME": str(home)},
    )
    _, status, used = os.wait4(pid, 0)
    rows = out.read_bytes().count(b"\n") if out.exists() else 0
    if (
        rows < count
    ):  # a base that says nothing valid under `free` ends with 1, and has a row for each text all the same
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)} and {rows} rows")
    return Run(base, count, ending, used.ru_maxrss * 1024, used.ru_utime + used.ru_stime)


def row(run: Run) -> list[object]:
    each = 1_000 * run.seconds / run.count
    return [run.base, f"{run.count:,}", run.out, f"{run.peak / 2**20:,.0f}", f"{run.seconds:,.0f}", f"{each:.1f}"]


def growth(runs: Sequence[Run]) -> list[str]:
    """For each base, what the transcripts between its smallest and its largest run took."""
    found: list[str] = []
    for base in dict.fromkeys(run.base for run in runs):
        first, *_, last = sorted((run for run in runs if run.base == base), key=lambda run: run.count)
        each = (last.peak - first.peak) / (last.count - first.count)
        found.append(f"{base}: {each:,.0f} bytes more for each transcript from {first.count:,} to {last.count:,}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--decoding", default="direct", choices=["free", "template", "direct"])
    parser.add_argument("--quick", action="store_true", help="few transcripts, to see that it runs; not kept")
    arguments = parser.parse_args()
    started, runs = processor_seconds(), []
    options = ["--decoding", arguments.decoding]
    with tempfile.TemporaryDirectory() as folder:
        for base, counts in (QUICK if arguments.quick else COUNTS).items():
            runs += [score(Path(folder), base, count, "jsonl", options) for count in counts]
        base, counts = "embedded", QUICK["embedded"] if arguments.quick else COUNTS["embedded"]
        runs.append(score(Path(folder), base, counts[0], "html", options))
    header = ["base", "transcripts", "result", "peak memory, MiB", "CPU seconds", "CPU ms a transcript"]
    body = f"""# Memory of `feedback score --decoding {arguments.decoding}`

{processor_name()}, {os.environ.get("OMP_NUM_THREADS", "all")} threads.

{table(header, [row(run) for run in runs])}

{"; ".join(growth(runs))}. Start-up is included in the time. Texts are the first {WORDS} words of excerpts of real speech.
"""
    if arguments.quick:
        print(body)
        return
    used = processor_seconds() - started
    write_results("scoring_memory", ["torch", "transformers"], used, body, arguments=f"--decoding {arguments.decoding}")


if __name__ == "__main__":
    main()
