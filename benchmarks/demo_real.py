"""`feedback demo --real` in a fresh home and a fresh cache: how long each part takes, and how much memory.

    python benchmarks/demo_real.py [--quick] [--keep FOLDER]

Needs `make smollm2`. The command runs as a person runs it, with one listener more on its progress; the memory of all its
processes is read from outside every two seconds. `--quick` runs the small synthetic demo instead, to see that this works. With
`--keep` the demo's home and cache stay in that folder, so that its report can be read.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from results_page import processor_name, processor_seconds, table, write_results

EVERY = 2.0  # seconds between two looks at the memory; a look keeps the process from taking more meanwhile
STARTING, ENDING = "starting", "ending"


@dataclass(frozen=True, slots=True)
class Mark:
    """A stage that has begun or ended."""

    seconds: float
    """Of the machine's monotonic clock."""
    stage: str | None
    """None where the one before has counted its last unit: what follows belongs to whatever begins next."""


@dataclass(frozen=True, slots=True)
class Look:
    """Memory of a process and all its descendants, in bytes."""

    seconds: float
    proportional: int
    """Memory that processes share counts once (PSS); 0 where the system does not tell."""
    resident: int
    """Shared memory counts for each process that shares it (RSS)."""


@dataclass(frozen=True, slots=True)
class Span:
    stage: str
    begin: float
    end: float


def run_listening(marks: Path, arguments: Sequence[str]) -> None:
    """Run the command in this process, writing a line to `marks` whenever another stage is at work."""
    from deployments.cli.app import main as feedback
    from feedback_model.progress import Progress, reporting_to

    last: list[str | None] = [None]
    with marks.open("a", encoding="utf-8", buffering=1) as opened:

        def note(stage: str | None) -> None:
            if stage != last[0]:
                last[0] = stage
                opened.write(json.dumps([time.monotonic(), stage]) + "\n")

        def listen(progress: Progress) -> None:
            note(progress.stage)
            if progress.total is not None and progress.done >= progress.total:
                note(None)

        sys.argv = ["feedback", *arguments]
        with reporting_to(listen):
            feedback()


def look_at(process: psutil.Process) -> Look:
    proportional = resident = 0
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.Error):
            resident += each.memory_info().rss
            with suppress(OSError):
                proportional += pss_of(each.pid)
    return Look(time.monotonic(), proportional, resident)


def pss_of(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def spans(marks: Sequence[Mark], begin: float, end: float) -> list[Span]:
    """Which stage was at work when: what passes between two counts to the second, for which models are loaded then."""
    found: list[Span] = []
    at_work: str | None = STARTING
    since = begin
    for mark in marks:
        if at_work is not None:
            found.append(Span(at_work, since, mark.seconds))
            since = mark.seconds
        at_work = mark.stage
    return [*found, Span(at_work or ENDING, since, end)]


def stage_rows(found: Iterable[Span], looks: Sequence[Look]) -> list[list[object]]:
    """A row for each stage in the order of their beginnings; one that was at work several times is added up."""
    by_stage: dict[str, list[Span]] = {}
    for span in found:
        by_stage.setdefault(span.stage, []).append(span)
    return [row(stage, parts, looks) for stage, parts in by_stage.items()]


def row(stage: str, parts: Sequence[Span], looks: Sequence[Look]) -> list[object]:
    inside = [look for look in looks if any(part.begin <= look.seconds < part.end for part in parts)]
    seconds = sum(part.end - part.begin for part in parts)
    return [stage, f"{seconds:.0f}", *peaks(inside)]


def peaks(looks: Sequence[Look]) -> list[str]:
    values = (max((look.proportional for look in looks), default=0), max((look.resident for look in looks), default=0))
    return [f"{each / 1024**3:.2f}" if each else "-" for each in values]


def watch(folder: Path, arguments: Sequence[str]) -> tuple[list[Mark], list[Look], float, float]:
    """Run the command to its end; returns the marks, the looks, and when it began and ended."""
    marks, environment = folder / "marks", {**os.environ, "FEEDBACK_HOME": str(folder / "home")}
    environment |= {"XDG_CACHE_HOME": str(folder / "cache"), "WANDB_MODE": "disabled"}
    environment.pop("PREFECT_API_URL", None)
    marks.touch()
    begin, looks = time.monotonic(), []
    command = [sys.executable, __file__, "--listen", str(marks), *arguments]
    with subprocess.Popen(command, env=environment, cwd=folder) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            with suppress(psutil.Error):
                looks.append(look_at(watched))
            time.sleep(EVERY)  # between two looks at its memory
    if process.returncode:
        sys.exit(f"`feedback {' '.join(arguments)}` ended with {process.returncode}")
    seen = [Mark(*json.loads(line)) for line in marks.read_text(encoding="utf-8").splitlines()]
    return seen, looks, begin, time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="the small synthetic demo, to see that it runs; not kept")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a new folder for the demo's home and cache")
    arguments = parser.parse_args()
    started = processor_seconds()
    command = ["demo", "--transcripts", "200"] if arguments.quick else ["demo", "--real"]
    if arguments.keep:
        arguments.keep.mkdir(parents=True)
    with nullcontext(arguments.keep) if arguments.keep else tempfile.TemporaryDirectory() as folder:
        marks, looks, begin, end = watch(Path(folder).resolve(), command)
    rows = stage_rows(spans(marks, begin, end), looks)
    rows.append(["**in all**", f"{end - begin:.0f}", *peaks(looks)])
    used = processor_seconds() - started
    body = f"""# `feedback {" ".join(command)}`, part by part

{processor_name()}, {psutil.cpu_count()} processors, a fresh home and a fresh cache: the base model is unpacked, too.

{table(["stage", "seconds", "peak memory, GiB", "each process's resident memory, added up, GiB"], rows)}

The command and all that it starts, the Prefect server included, read every two seconds; the first column of memory counts what
processes share once. A stage begins where the one before has counted its last unit, so loading a model counts to the stage
that it is loaded for. {used:.0f} CPU seconds in all.
"""
    if arguments.quick:
        print(body)
        return
    write_results("demo_real", ["torch", "transformers", "peft", "prefect"], used, body)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--listen"]:
        run_listening(Path(sys.argv[2]), sys.argv[3:])
    else:
        main()
