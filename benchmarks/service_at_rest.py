"""What `feedback up` costs while nothing happens, how soon a landing is answered, and a storm of files.

    python benchmarks/service_at_rest.py [--landings N] [--files N] [--minutes N]

Starts the service as a person does, on a home of its own with the demo's models. At rest: processor time and memory of all its
processes over five minutes, in which the inbox is looked at once. Then transcripts are landed one by one, each when nothing else
is at work: from the return of `feedback land` to the state Running of the retraining that it woke, by the server's clock, which
is this machine's. Then files are put into the inbox at once and the sweep is started.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import psutil
from results_page import processor_name, processor_seconds, table, write_results

from feedback_model.demo.speech import write_demo_input
from tests.local_service import LocalService, clean_environment, eventually, feedback_up

RETRAIN, SWEEP = "retrain/on-data-landed", "land/watch-inbox"
OVER = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def processes(service: LocalService) -> dict[int, tuple[str, float, float]]:
    """Of each process its name, seconds of processor time so far with what it started, and resident memory in MiB."""
    own = psutil.Process(service.pid)
    found: dict[int, tuple[str, float, float]] = {}
    for each in (own, *own.children(recursive=True)):
        words, times = each.cmdline(), each.cpu_times()
        name = next(
            (word.rsplit(".", 1)[-1] for word in words if word.startswith(("deployments.", "feedback_model."))), ""
        )
        used = times.user + times.system + times.children_user + times.children_system  # of those that have ended
        found[each.pid] = (name, used, each.memory_info().rss / 2**20)
    return found


def rest(service: LocalService, minutes: float) -> list[list[object]]:
    time.sleep(30)  # until what a start does is done
    before, began = processes(service), time.monotonic()
    time.sleep(60 * minutes)  # what is measured
    after, passed = processes(service), time.monotonic() - began
    used = {
        pid: (name, 100 * (seconds - before[pid][1]) / passed, size) for pid, (name, seconds, size) in after.items()
    }
    rows: list[list[object]] = [[name, f"{share:.2f}%", f"{size:.0f}"] for name, share, size in used.values()]
    return [
        *rows,
        ["all", f"{sum(each[1] for each in used.values()):.2f}%", f"{sum(each[2] for each in used.values()):.0f}"],
    ]


def at_work(service: LocalService) -> bool:
    found = service.call(
        "POST", "flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}}
    )
    return bool(found)


def feedback(service: LocalService, *words: str) -> None:
    command = [sys.executable, "-m", "deployments.cli.app", *words]
    subprocess.run(command, env=clean_environment(service.home), check=True, capture_output=True)


def land(service: LocalService, number: int) -> float:
    """Land one transcript; returns the seconds until the retraining that it woke is Running."""
    path, known = service.home / "landed.jsonl", {run["id"] for run in service.runs_of(RETRAIN)}
    write_demo_input(path, 1, 1_000 + number)
    feedback(service, "land", str(path))
    landed = time.time()
    started = eventually(
        lambda: [run for run in service.runs_of(RETRAIN) if run["id"] not in known and run["start_time"]]
    )
    eventually(lambda: not at_work(service))
    seconds = datetime.fromisoformat(started[0]["start_time"]).timestamp() - landed
    sys.stderr.write(f"landing {number}: {seconds:.1f} s\n")
    return seconds


def storm(service: LocalService, count: int) -> tuple[int, int]:
    """Drop `count` files and sweep; returns how many retrainings began, and how many transcripts landed."""
    known = {run["id"] for run in service.runs_of(RETRAIN)}
    write_demo_input(service.home / "storm.jsonl", count, 77)
    texts = [json.loads(line)["text"] for line in (service.home / "storm.jsonl").read_text().splitlines()]
    before = transcripts(service)
    for number, text in enumerate(texts):
        (service.home / "inbox" / f"{number}.txt").write_text(text)
    time.sleep(3)  # so that no file is taken for one that is still being written
    swept = service.call("POST", f"deployments/{service.deployment(SWEEP)['id']}/create_flow_run", {})
    eventually(lambda: service.call("GET", f"flow_runs/{swept['id']}")["state_type"] in OVER, seconds=600)
    eventually(lambda: [run for run in service.runs_of(RETRAIN) if run["id"] not in known])
    eventually(lambda: not at_work(service) and not waiting(service), seconds=1_200)
    return len([run for run in service.runs_of(RETRAIN) if run["id"] not in known]), transcripts(service) - before


def waiting(service: LocalService) -> bool:
    return any(run["state_type"] not in OVER for run in service.runs_of(RETRAIN))


def transcripts(service: LocalService) -> int:
    with closing(sqlite3.connect(service.home / "feedback.db")) as database:
        return int(database.execute("SELECT COUNT(*) FROM transcript WHERE origin = 'real'").fetchone()[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--landings", type=int, default=20)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--minutes", type=float, default=5.0)
    arguments = parser.parse_args()
    began = processor_seconds()
    options = ("--labeller", "embedded", "--base-model", "embedded", "--epochs", "1", "--set", "rank=4")
    with (
        tempfile.TemporaryDirectory() as folder,
        # Many transcripts are asked for before a retraining trains, so that the landings measure its start alone.
        feedback_up(Path(folder) / "home", *options, FEEDBACK_RETRAIN_LEAST_NEW=str(arguments.landings + 2)) as service,
    ):
        costs = rest(service, arguments.minutes)
        seconds = [land(service, number) for number in range(arguments.landings)]
        runs, landed = storm(service, arguments.files)
    p50, p95 = np.percentile(seconds, [50, 95])
    body = f"""# `feedback up` at rest, a landing, a storm

{processor_name()}, two cores.

## At rest, over {arguments.minutes:g} minutes

{table(["process", "of one core", "resident memory, MiB"], costs)}

The inbox is looked at every five minutes, by a run of its own: its time is that of `workers`, which start it. Memory that
processes share is counted in each.

## From a landing to its retraining

{arguments.landings} landings of one transcript, one after the other: from the return of `feedback land` to the state
Running, p50 {p50:.1f} s, p95 {p95:.1f} s, at most {max(seconds):.1f} s.

## A storm

{arguments.files:,} files in the inbox: {landed:,} transcripts landed, {runs} retraining{"s" * (runs != 1)} began.
"""
    used = processor_seconds() - began
    write_results(
        "service_at_rest", ["prefect"], used, body, keep=arguments.landings >= 20 and arguments.files >= 1_000
    )


if __name__ == "__main__":
    main()
