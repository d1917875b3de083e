"""A million documents to label: does memory grow, how long does a resumed run look for what is left?

`python benchmarks/labelling_scale.py [--labelled 1000000]`; two cores, a quarter of an hour, with all labelled 45 minutes.
The stand-in for OpenAI's API (`tests/openai_rig`) answers at once and without a limit. Texts repeat with a number behind them.
All of the million are ordered; so many are asked about, paid for and settled as any other while memory is watched, then that
process is killed and the rest is entered as labelled directly, so that a run over a million finished ones can be timed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from labelling_clients import finish, is_running
from results_page import processor_seconds, table, write_results
from sqlalchemy import insert, literal, select, update

from feedback_model.demo.speech import generate_transcripts
from feedback_model.records.identifiers import content_id
from feedback_model.settings import Settings
from feedback_model.store.clock import now
from feedback_model.store.connection import open_store
from feedback_model.store.tables import label, label_attempt, label_request, transcript
from tests.labelling_rig import settings_for, start_labelling, totals_of
from tests.openai_rig.process import serving

DOCUMENTS: Final = 1_000_000
TEXTS: Final = 500
AT_ONCE: Final = 20_000
PROCESSES: Final = (1, 2, 3)
EARLY: Final = 10_000  # labels after which everything that is loaded once is loaded
FOR_RATE: Final = 12_000  # documents by which throughput is measured


@dataclass(frozen=True)
class Sample:
    """A labelling process at one moment."""

    seconds: float
    labelled: int
    resident: float
    """MB."""


def land(settings: Settings, start: int, end: int) -> None:
    """Documents `start` to `end`, entered as landing would, but many at a time."""
    store = open_store(settings.store_url)
    texts = [each.text for each in generate_transcripts(TEXTS, seed=1)]
    for first in range(start, end, AT_ONCE):
        with store.write() as connection:
            connection.execute(insert(transcript), list(_rows(texts, range(first, min(end, first + AT_ONCE)))))
    store.close()


def _rows(texts: list[str], numbers: range) -> Iterator[dict[str, Any]]:
    common = {"source": "scale", "genre": "", "split": "train", "origin": "real", "signature": b"", "landed_at": now()}
    for number in numbers:
        text = f"{texts[number % TEXTS]} {number}"
        name = content_id("transcript", text)
        yield {"transcript_id": name, "source_id": name, "text": text, "n_words": len(text.split()), **common}


def settings_in(folder: Path, url: str) -> Settings:
    return settings_for(folder, url, timeout=60, concurrency=256).model_copy(update={"label_model": "gpt-4o-mini"})


def watch(settings: Settings, url: str, n_labelled: int) -> list[Sample]:
    """Label, looking at the process every few seconds, until so many are labelled or all."""
    process, started, samples = start_labelling(settings), time.monotonic(), list[Sample]()
    before = totals_of(url)["completions"]
    while is_running(process) and (not samples or samples[-1].labelled < n_labelled):
        resident = psutil.Process(process.pid).memory_info().rss / 1e6
        samples.append(Sample(time.monotonic() - started, totals_of(url)["completions"] - before, resident))
        time.sleep(2)  # between two looks at its memory
    process.kill()
    process.communicate()
    return samples


def finish_directly(settings: Settings) -> None:
    """Enter what is still wanted as labelled; scores, which a resumed run does not look at, have only those bought."""
    store = open_store(settings.store_url)
    missing = select(
        label_request.c.transcript_id,
        label_request.c.label_model,
        label_request.c.prompt_version,
        literal(0),
        literal(1),
    )
    missing = missing.where(label_request.c.state != "done")
    with store.write() as connection:
        connection.execute(
            insert(label).from_select(
                ["transcript_id", "label_model", "prompt_version", "replicate", "response_id"], missing
            )
        )
        connection.execute(update(label_attempt).where(label_attempt.c.outcome == "open").values(outcome="unknown"))
        connection.execute(update(label_request).values(state="done", claimed_by=None))
    store.close()


def time_to_resume(settings: Settings) -> float:
    """Seconds of a run that finds nothing to do, start of Python included."""
    started = time.monotonic()
    process = start_labelling(settings)
    process.communicate()
    return time.monotonic() - started


def rate_rows(folder: Path) -> list[list[str]]:
    """Documents per second of so many processes that share one SQLite database."""
    rows = []
    for n_processes in PROCESSES:
        with serving(answers="canned") as url:
            settings = settings_in(folder / f"rate-{n_processes}", url)
            land(settings, 0, FOR_RATE)
            processes = [start_labelling(settings) for _ in range(n_processes)]
            while totals_of(url)["completions"] < FOR_RATE // 10:
                time.sleep(0.05)  # between two looks at the bill
            started, before = time.monotonic(), totals_of(url)["completions"]
            while (done := totals_of(url)["completions"]) < 0.9 * FOR_RATE:
                time.sleep(0.05)  # between two looks at the bill
            rate = (done - before) / (time.monotonic() - started)
            cpu = sum(finish(process, 600)[0] for process in processes)
            rows.append([str(n_processes), f"{rate:.0f}", f"{1000 * cpu / FOR_RATE:.2f} ms"])
    return rows


def memory_rows(samples: list[Sample]) -> list[list[str]]:
    rows = []
    for share in (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0):
        reached = next(each for each in samples if each.labelled >= share * samples[-1].labelled)
        rows.append([f"{reached.labelled:,}", f"{reached.seconds:,.0f}", f"{reached.resident:.0f} MB"])
    return rows


def measure(folder: Path, n_labelled: int) -> str:
    with serving(answers="canned") as url:
        settings = settings_in(folder / "all", url)
        empty = time_to_resume(_with_one(settings_in(folder / "one", url)))
        land(settings, 0, DOCUMENTS)
        samples = watch(settings, url, n_labelled)
        first = next(each for each in samples if each.labelled)
        finish_directly(settings)
        nothing, before = time_to_resume(settings), totals_of(url)["completions"]
        land(settings, DOCUMENTS, DOCUMENTS + 1)
        one, paid = time_to_resume(settings), totals_of(url)["completions"] - before
    early = next(each for each in samples if each.labelled >= EARLY)
    growth = (samples[-1].resident - early.resident) * 1e6 / (samples[-1].labelled - early.labelled)
    resumed = [
        ["a database with one document, finished", f"{empty:.1f} s"],
        [f"{DOCUMENTS:,} finished, nothing to do", f"{nothing:.1f} s"],
        ["one more landed, asked about and settled", f"{one:.1f} s"],
    ]
    return f"""
## Memory

{table(["labelled", "seconds", "resident"], memory_rows(samples))}

{growth:.0f} bytes per further document from {early.labelled:,} on. The first request left {first.seconds:.0f} s after the start,
when all {DOCUMENTS:,} had been entered as wanted. The one document that was added later cost {paid} request.

## Resuming

{table(["a run over", "takes"], resumed)}

The first line is what starting Python and looking at the endpoint takes; the scan is what the second takes beyond it (aim: 3 s).
"""


def _with_one(settings: Settings) -> Settings:
    land(settings, 0, 1)
    start_labelling(settings).communicate()
    return settings


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--labelled", type=int, default=150_000)
    n_labelled = parser.parse_args().labelled
    with tempfile.TemporaryDirectory() as folder:
        rates = rate_rows(Path(folder))
        scale = measure(Path(folder), n_labelled)
    body = f"""# Labelling, a million documents

{(__doc__ or "").splitlines()[0]}

## Documents per second

{table(["processes", "documents/s", "CPU per document"], rates)}

The stand-in took part of the two cores. All processes write to one SQLite database with full synchronisation (aim: 500).
{scale}"""
    write_results("labelling_scale", ["openai", "sqlalchemy", "aiohttp"], processor_seconds(), body)


if __name__ == "__main__":
    main()
