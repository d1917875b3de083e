"""Is a landing dealt with whose server is killed at once?

    python benchmarks/acknowledged_landings.py [--times N]

Starts `feedback up` as a person does. Then, again and again: a transcript is landed, and as soon as `feedback land` has returned,
so that the server has acknowledged the event, the server is killed with SIGKILL. Whatever it had not written is lost. How long
until a retraining has looked at the transcript stands in the database, which holds a row for each decision.
"""

import argparse
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import psutil
from results_page import processor_name, processor_seconds, write_results
from service_at_rest import feedback

from feedback_model.demo.speech import write_demo_input
from tests.local_service import LocalService, eventually, feedback_up

APART_SECONDS = 101.0  # between two kills: a server that dies four times within five minutes is not started again
LONGEST_SECONDS = 900.0


def kill_server(service: LocalService) -> None:
    found = [
        process
        for process in psutil.Process(service.pid).children(recursive=True)
        if process.cmdline()[1:3] == ["-m", "deployments.local.prefect_server"]
    ]
    assert found, "what is to be killed must be there"
    for process in found:
        process.kill()


def batches_decided_on(service: LocalService) -> int:
    with closing(sqlite3.connect(service.home / "feedback.db")) as database:
        return int(database.execute("SELECT COALESCE(MAX(n_batches), 0) FROM retraining_decision").fetchone()[0])


def land_and_kill(service: LocalService, number: int) -> float:
    """Return the seconds until a retraining has looked at what was landed; `inf` if none did."""
    path = service.home / "landed.jsonl"
    write_demo_input(path, 1, 1_000 + number)
    feedback(service, "land", str(path))
    kill_server(service)
    killed = time.monotonic()
    try:
        eventually(lambda: batches_decided_on(service) >= number, LONGEST_SECONDS)
    except AssertionError:
        return float("inf")
    seconds = time.monotonic() - killed
    sys.stderr.write(f"landing {number}: looked at after {seconds:.0f} s\n")
    time.sleep(max(0.0, APART_SECONDS - seconds))  # until the next may be killed
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=20)
    times = parser.parse_args().times
    began = processor_seconds()
    options = ("--labeller", "embedded", "--base-model", "embedded", "--epochs", "1")
    with (
        tempfile.TemporaryDirectory() as folder,
        # More than will land: the retraining that looks decides to wait, which is all that is asked here.
        feedback_up(Path(folder) / "home", *options, FEEDBACK_RETRAIN_LEAST_NEW="1000") as service,
    ):
        seconds = np.array([land_and_kill(service, number) for number in range(1, times + 1)])
    seen = seconds[np.isfinite(seconds)]
    body = f"""# Landings whose server is killed at once

{processor_name()}, two cores. {times} landings, after each of which the server was killed: {len(seen)} were looked at, within
{np.median(seen):.0f} s (median) and {seen.max():.0f} s (longest). The sweep comes every 300 s.
"""
    used = processor_seconds() - began
    write_results("acknowledged_landings", ["prefect"], used, body, keep=times >= 20)


if __name__ == "__main__":
    main()
