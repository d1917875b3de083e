"""Writes what a benchmark measured as a Markdown page, with what it was measured by."""

import platform
import resource
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def processor_seconds() -> float:
    """Used by this process and its children so far."""
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def write_results(script: str, packages: Sequence[str], seconds: float, body: str) -> None:
    """Print `body` and keep it under `results/`, named for the script.

    Args:
        packages: whose versions matter.
        seconds: of processor time.
    """
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    made = (
        f"`python benchmarks/{script}.py`, {datetime.now(UTC):%Y-%m-%d}, {seconds:.0f} s of one core. "
        f"Python {platform.python_version()}, {versions}."
    )
    page = f"{body.strip()}\n\n{made}\n"
    sys.stdout.write(page)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{script}.md").write_text(page, encoding="utf-8")
