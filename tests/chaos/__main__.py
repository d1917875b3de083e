"""Disturb a running service and compare what becomes of it with a run that nothing disturbed.

`make chaos` runs a sample of the cells, or all of them, one by one, with `--all`; `--seed` says which sample.
"""

import argparse
import json
import random
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import typer

from tests.chaos.cells import ALL, Cell, Result, as_outcome, keep_result, read_results, run_cell, undisturbed
from tests.chaos.faults import FAULTS
from tests.chaos.outcome import Outcome
from tests.databases import Cluster, postgres_programs, running_cluster

SAMPLE_SECONDS = 900.0
LONGEST_CELL = 180.0  # seconds at first; then as measured: a sample begins no cell that it might not end in time


def main() -> int:
    """Run cells, say a line for each, and return 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--all", action="store_true", help="every cell that the results do not hold yet")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the sample")
    parser.add_argument("--only", action="append", default=[], metavar="FAULT/STAGE", help="this cell; repeatable")
    parser.add_argument("--results", type=Path, default=Path("chaos.jsonl"), help="a line for each cell that has ended")
    arguments = parser.parse_args()
    cells = [cell for cell in ALL if cell.name in arguments.only] or list(ALL)
    if arguments.all:
        done = {result.name for result in read_results(arguments.results) if not result.failures}
        cells = [cell for cell in cells if cell.name not in done]
    elif not arguments.only:
        typer.echo(f"seed {arguments.seed}")
        random.Random(arguments.seed).shuffle(cells)
    deadline = None if arguments.all or arguments.only else time.monotonic() + SAMPLE_SECONDS
    results = run_cells(cells, arguments.results, deadline)
    typer.echo(f"\n{len(results)} cells, {sum(bool(one.failures) for one in results)} failed")
    for result in sorted(results, key=lambda one: one.name):
        typer.echo(result.line())
    return int(not results or any(result.failures for result in results))


def run_cells(cells: list[Cell], results: Path, deadline: float | None) -> list[Result]:
    """Run cells until the deadline, one after the other."""
    ended: list[Result] = []
    longest = LONGEST_CELL
    with ExitStack() as stack:
        programs = postgres_programs()
        cluster = stack.enter_context(running_cluster(programs)) if programs else None
        for cell in cells:
            if deadline is not None and time.monotonic() > deadline - longest:
                break
            on_postgresql = FAULTS[cell.fault].on_postgresql
            if on_postgresql and cluster is None:
                typer.echo(f"{cell.name}: PostgreSQL is not installed")
                continue
            store = cluster if on_postgresql else None
            expected, began = _expected(store, results), time.monotonic()
            ended.append(_run(cell, expected, store, results))
            longest = max(longest, time.monotonic() - began)
    return ended


def _run(cell: Cell, expected: Outcome, cluster: Cluster | None, results: Path) -> Result:
    result = run_cell(cell, expected, cluster)
    keep_result(results, result)
    typer.echo(result.line())
    return result


def _expected(cluster: Cluster | None, results: Path) -> Outcome:
    """Return the outcome of an undisturbed run on this kind of database, made once and kept beside the results."""
    kind = "sqlite" if cluster is None else "postgresql"
    kept = results.with_suffix(f".{kind}.json")
    if not kept.exists():
        outcome, took = undisturbed(cluster)
        kept.write_text(json.dumps(asdict(outcome)))
        typer.echo(f"undisturbed on {kind}: complete {took:.0f} s after landing, {outcome.counts}")
    return as_outcome(json.loads(kept.read_text()))


if __name__ == "__main__":
    sys.exit(main())
