"""What orchestration costs in a retraining of many documents: task runs, and the time in which no task was at work.

    python benchmarks/orchestration.py [--documents N]

Starts `feedback up` as a person does, on a home of its own with the demo's models, lands the documents and waits for the
retraining that follows. Each task run says when it began and ended. Overhead is the part of the retraining's time that no task
covers: starts of processes, waiting for the server, looking whether a stage has ended. A task run that stands for a flow run, and
only waits for it, covers nothing.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from results_page import processor_name, processor_seconds, table, write_results

from feedback_model.demo.speech import write_demo_input
from tests.local_service import LocalService, clean_environment, eventually, feedback_up

RETRAIN = "retrain/on-data-landed"
LONGEST = 3 * 3_600.0  # seconds
PAGE = 200  # task runs that the server lists at once


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that lie in at least one of `spans`."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def task_runs(service: LocalService) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := service.call("POST", "task_runs/filter", {"limit": PAGE, "offset": len(found)}):
        found += page
    return found


def all_heard_of(found: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Return them once the server, which hears of task runs some seconds later, knows how each ended."""
    return found if all(each["state"] and each["end_time"] for each in found) else None


def stands_for_a_run(task_run: dict[str, Any]) -> bool:
    """Tell whether it only waits for a flow run that it began."""
    return task_run["state"]["state_details"]["child_flow_run_id"] is not None


def wait_for_retraining(service: LocalService) -> dict[str, Any]:
    over = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
    run = eventually(
        lambda: next((run for run in service.runs_of(RETRAIN) if run["state_type"] in over), None), seconds=LONGEST
    )
    if run["state_type"] != "COMPLETED":
        sys.exit(f"the retraining ended as {run['state_name']}: {run['state']['message']}")
    return run


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=10_000)
    documents = parser.parse_args().documents
    began = processor_seconds()
    options = ("--labeller", "embedded", "--base-model", "embedded", "--epochs", "1")
    with (
        tempfile.TemporaryDirectory() as folder,
        feedback_up(Path(folder) / "home", *options) as service,
    ):
        path = Path(folder) / "documents.jsonl"
        write_demo_input(path, documents, 5)
        land = [sys.executable, "-m", "deployments.cli.app", "land", str(path)]
        subprocess.run(land, env=clean_environment(service.home), check=True, capture_output=True)
        run = wait_for_retraining(service)
        every = eventually(lambda: all_heard_of(task_runs(service)))
    runs = [each for each in every if each["start_time"] and each["end_time"] and not stands_for_a_run(each)]
    start, end = moment(run["start_time"]), moment(run["end_time"])
    spans = [(moment(each["start_time"]), moment(each["end_time"])) for each in runs]
    working = covered((max(start, first), min(end, last)) for first, last in spans if last > start and first < end)
    overhead = end - start - working
    longest = sorted(runs, key=lambda each: each["total_run_time"], reverse=True)[:8]
    body = f"""# Orchestration of a retraining

{processor_name()}, two cores. {documents:,} documents landed, labelled by the demo's labeller, one epoch of the demo's base.

{end - start:.0f} s from Running to Completed, {len(every)} task runs. For {overhead:.0f} s of them no task was at work:
{overhead / (end - start):.1%}.

{table(["longest task runs", "seconds"], [[each["name"], f"{each['total_run_time']:.0f}"] for each in longest])}
"""
    used = processor_seconds() - began
    write_results("orchestration", ["prefect"], used, body, keep=documents >= 10_000)


if __name__ == "__main__":
    main()
