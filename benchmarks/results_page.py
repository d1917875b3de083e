"""Writes what a benchmark measured as a Markdown page, with what it was measured by."""

import platform
import re
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


def processor_name() -> str:
    """The processor's name, and which of the instructions that make bfloat16 fast it has."""
    information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    name = re.search(r"model name\s*: (.*)", information)
    flags = re.search(r"flags\s*: (.*)", information)
    has = flags[1].split() if flags else []
    told = ", ".join(each if each in has else f"no {each}" for each in ("amx_bf16", "avx512_bf16"))
    return f"{name[1] if name else platform.machine()} ({told})"


def device_and_processor() -> str:
    """The GPU that this process would use, if there is one, and the processor."""
    from feedback_model.training.loading import describe_device, device_name

    return f"{describe_device()}; {processor_name()}" if device_name() == "cuda" else processor_name()


def write_results(
    script: str,
    packages: Sequence[str],
    seconds: float,
    body: str,
    *,
    arguments: str = "",
    page: str | None = None,
    keep: bool = True,
) -> None:
    """Print `body` and keep it under `results/`, named for the script.

    Args:
        packages: whose versions matter.
        seconds: of processor time.
        arguments: that the script was called with.
        page: in place of the script's name.
        keep: False for a run that is not whole, which is only printed.
    """
    if not keep:
        sys.stdout.write(body)
        return
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    command = " ".join(("python", f"benchmarks/{script}.py", *arguments.split()))
    made = (
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, {seconds:.0f} s of one core. "
        f"Python {platform.python_version()}, {versions}."
    )
    text = f"{body.strip()}\n\n{made}\n"
    sys.stdout.write(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{page or script}.md").write_text(text, encoding="utf-8")
