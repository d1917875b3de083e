"""Our labelling beside two known ways, against one stand-in for OpenAI's API: what of the limit they use, and what they waste.

`python benchmarks/labelling_clients.py [--curator PYTHON] [--quick]`; two cores, forty minutes. Not collected by pytest.
PYTHON is an interpreter with `bespokelabs-curator` installed in an environment of its own; without it that peer is left out.
The stand-in (`tests/openai_rig`) enforces its limits over each second, charges refused requests and the output asked for, and
bills what it answers whether the client lives to see it or not.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from results_page import processor_seconds, table, write_results

from feedback_model.demo.speech import generate_transcripts
from feedback_model.prompts import render_messages
from tests.labelling_rig import bill_of, filled_store, settings_for, start_labelling, totals_of
from tests.openai_rig.process import serving

PEERS = Path(__file__).parent / "peers"
RPM, TPM = 5_000, 20_000_000
LONGEST = 330.0  # seconds that a client gets to show what of the limit it uses
LATENCY = {"answers": "canned", "latency_median": 0.6}


@dataclass
class Work:
    """One client's texts and whatever it keeps, in a folder of its own."""

    folder: Path
    n: int

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.grow(self.n)

    def grow(self, n: int) -> None:
        """Have `n` texts; those that were there stay the same."""
        rows = [
            {"id": str(number), "messages": render_messages("label", each.text)}
            for number, each in enumerate(generate_transcripts(n, seed=1))
        ]
        (self.folder / "texts.jsonl").write_text("\n".join(map(json.dumps, rows)))
        self.n = n
        filled_store(self.settings(""), n).close()

    def settings(self, url: str) -> Any:
        home = settings_for(self.folder / "home", url or "http://127.0.0.1:9/v1", timeout=60, concurrency=512)
        return home.model_copy(update={"label_model": "gpt-4o-mini"})


def ours(work: Work, url: str, *, stored: bool = False) -> subprocess.Popen[Any]:
    return start_labelling(work.settings(url).model_copy(update={"store_completions": stored}))


def plain(work: Work, url: str) -> subprocess.Popen[Any]:
    command = [
        sys.executable,
        PEERS / "plain_client.py",
        url,
        work.folder / "texts.jsonl",
        work.folder / "replies.jsonl",
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def curator(python: str, work: Work, url: str, *limits: int) -> subprocess.Popen[Any]:
    command = [
        python,
        PEERS / "curator_client.py",
        url,
        work.folder / "texts.jsonl",
        work.folder / "cache",
        *map(str, limits),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def finish(process: subprocess.Popen[Any], seconds: float) -> tuple[float, float]:
    """Wait for the end, or put one; returns CPU seconds and the largest resident size in MB."""
    deadline, largest = time.monotonic() + seconds, 0
    while is_running(process):
        with suppress(psutil.Error):
            largest = max(largest, psutil.Process(process.pid).memory_info().rss)
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(0.1)  # between two looks at its memory
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stdout is not None:
        process.stdout.close()
    return used.ru_utime + used.ru_stime, largest / 1e6


def steady_share(
    url: str, processes: Sequence[subprocess.Popen[Any]], per_second: float
) -> tuple[float, dict[str, Any]]:
    """What of the limit was used between the first reply and the last tenth, and the bill; slow ones are cut off."""
    seen: list[tuple[float, int]] = []
    deadline = time.monotonic() + LONGEST
    while any(is_running(process) for process in processes) and time.monotonic() < deadline:
        seen.append((time.monotonic(), totals_of(url)["completions"]))
        time.sleep(0.5)  # between two looks at the bill
    first = next(place for place, (_, done) in enumerate(seen) if done)
    last = next(place for place, (_, done) in enumerate(seen) if done >= 0.9 * seen[-1][1])
    (start, begun), (end, done) = seen[first], seen[max(last, first + 1)]
    return (done - begun) / (per_second * (end - start)), bill_of(url)


def is_running(process: subprocess.Popen[Any]) -> bool:
    """Without reaping it, so that what it used can still be read."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def limit_rows(clients: dict[str, Any], n: int, folder: Path) -> list[list[object]]:
    rows: list[list[object]] = []
    settings: dict[str, dict[str, Any]] = {
        "told in headers": {"limit_headers": "both"},
        "not told": {"limit_headers": "none"},
    }
    for told, headers in settings.items():
        for name, start in clients.items():
            with serving(requests_per_minute=RPM, tokens_per_minute=TPM, **LATENCY, **headers) as url:
                process = start(Work(folder / f"{told}-{name}", n if name == "ours" else n // 2), url)
                share, bill = steady_share(url, [process], RPM / 60)
                finish(process, 5)
                rows.append(limit_row(f"{name}, limit {told}", share, bill))
    with serving(requests_per_minute=RPM, tokens_per_minute=TPM, **LATENCY) as url:
        work = Work(folder / "four", n)
        processes = [ours(work, url) for _ in range(4)]
        share, bill = steady_share(url, processes, RPM / 60)
        for process in processes:
            finish(process, 5)
        rows.append(limit_row("ours, four processes", share, bill))
    return rows


def limit_row(name: str, share: float, bill: dict[str, Any]) -> list[object]:
    refused, documents = 100 * bill["rejected"] / bill["requests"], len(bill["replies"])
    each = f"{bill['requests'] / documents:.2f}"
    return [name, f"{100 * share:.1f}%", f"{refused:.2f}%", each, bill["completions"] - documents]


def kill_rows(clients: dict[str, Any], n: int, kills: int, folder: Path) -> list[list[object]]:
    rows = []
    for name, start in clients.items():
        with serving(requests_per_minute=RPM, tokens_per_minute=TPM, **LATENCY) as url:
            work = Work(folder / f"kill-{name}", n)
            for kill in range(1, kills + 1):
                process = start(work, url)
                while totals_of(url)["completions"] < kill * n // (kills + 1) and process.poll() is None:
                    time.sleep(0.02)  # between two looks at the bill
                process.send_signal(signal.SIGKILL)
                process.communicate()
            finish(start(work, url), 600)
            bill = bill_of(url)
            twice = sum(bill["replies"].values()) - len(bill["replies"])
            rows.append([name, n - len(bill["replies"]), twice, f"{twice / kills:.1f}"])
    return rows


def quota_rows(clients: dict[str, Any], folder: Path) -> list[list[object]]:
    rows = []
    for name, start in clients.items():
        limits = {"requests_per_minute": RPM, "tokens_per_minute": TPM}
        with serving(quota=100, quota_code="insufficient_quota", **limits, **LATENCY) as url:
            started = time.monotonic()
            finish(start(Work(folder / f"quota-{name}", 400), url), 180)
            seconds = time.monotonic() - started
            rows.append(
                [
                    name,
                    totals_of(url)["requests"] - 100,
                    f"{seconds:.0f} s" + (", stopped by us" if seconds > 179 else ""),
                ]
            )
    return rows


def cost_rows(clients: dict[str, Any], few: int, many: int, folder: Path) -> list[list[object]]:
    rows = []
    for name, start in clients.items():
        found = []
        for n in (few, many):
            with serving(answers="canned") as url:
                work = Work(folder / f"cost-{n}-{name}", n)
                started = time.monotonic()
                found.append((*finish(start(work, url), 600), time.monotonic() - started))
        (cpu, memory, seconds), (more_cpu, more_memory, more_seconds) = found
        extra = many - few
        growth = max(0.0, more_memory - memory) * 1e6 / extra
        rate, each = extra / max(1e-9, more_seconds - seconds), 1000 * (more_cpu - cpu) / extra
        rows.append([name, f"{rate:.0f}", f"{each:.2f} ms", f"{more_memory:.0f} MB", f"{growth:.0f}"])
    return rows


def row_rows(clients: dict[str, Any], folder: Path) -> list[list[object]]:
    rows = []
    for name, start in clients.items():
        with serving(answers="canned") as url:
            work = Work(folder / f"row-{name}", 300)
            finish(start(work, url), 120)
            before = totals_of(url)["completions"]
            work.grow(301)
            finish(start(work, url), 120)
            rows.append([name, totals_of(url)["completions"] - before])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--curator", help="python of an environment with bespokelabs-curator")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to see that it runs")
    arguments = parser.parse_args()
    clients: dict[str, Any] = {"ours": ours, "openai + tenacity + semaphore": plain}
    if arguments.curator:
        clients["curator 0.1.31"] = partial(curator, arguments.curator)
    with tempfile.TemporaryDirectory() as folder:
        measure(clients, 10 if arguments.quick else 1, Path(folder))


def measure(clients: dict[str, Any], part: int, folder: Path) -> None:
    started = processor_seconds()
    limits = limit_rows(clients, 25_000 // part, folder)
    keepers = {"ours": ours, "ours, replies stored": partial(ours, stored=True)} | {
        name: start for name, start in clients.items() if name != "ours"
    }
    kills = kill_rows(keepers, 2_000 // part, 4, folder)
    quotas, rows = quota_rows(clients, folder), row_rows(clients, folder)
    costs = cost_rows(clients, 500 // part, 6_000 // part, folder)
    body = f"""# Labelling beside its peers

{__doc__.splitlines()[0] if __doc__ else ""}

{DESCRIPTION}

## Of a limit of {RPM:,} requests a minute

{table(["client", "share of the limit", "refused", "requests per document", "bought twice"], limits)}

From the first reply until nine tenths are done; aims for ours: 99% and at most 0.2% refused, four processes 95% and 0.5%.

## Killed four times (SIGKILL), then run to the end: {2_000 // part:,} documents

{table(["client", "lost", "bought twice", "per kill"], kills)}

## The quota ends after 100 replies, 400 documents, at the same limit

{table(["client", "useless requests", "until it ended"], quotas)}

## No limit and no latency

{table(["client", "documents/s", "CPU per document", "memory", "bytes more per document"], costs)}

With the stand-in on the other core. Documents differ; start-up is taken out by measuring two sizes.

## One row is added to 300

{table(["client", "requests paid for"], rows)}
"""
    write_results("labelling_clients", ["openai", "tenacity", "aiohttp"], processor_seconds() - started, body)


DESCRIPTION = """The stand-in enforces its limits over each second, charges refused requests and the output asked for, and bills
what it answers whether the client lives to see it or not; latency is lognormal with a median of 0.6 s. Ours commits every
try before it is sent and every reply before it is read, to SQLite with full synchronisation; the plain client appends to a
file, curator as it does."""


if __name__ == "__main__":
    main()
