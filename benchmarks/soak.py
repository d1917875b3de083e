"""A landing every ten seconds for as long as you like: does `feedback up` grow?

`.venv/bin/python benchmarks/soak.py --minutes 40` starts a service with the demo's base model and an endpoint of its own, lands
five transcripts every ten seconds, and writes a line a minute: memory of each kind of process, sizes of both databases.
At the end it states the growth of each by the hour, from the least squares line through the second half: the first is warming up.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.chaos.cells import UNDISTURBED, running_rig
from tests.chaos.rig import Rig, await_sign

EVERY_SECONDS = 10.0
LANDED = 5  # transcripts a time
LAST_RETRAINING_SECONDS = 3_600.0  # after which what has landed last will not be trained on any more
KINDS = ("up", "server", "workers", "runs")


def memory(rig: Rig) -> dict[str, float]:
    """Memory of each kind of process, in MiB: of what several share, each has its part (PSS)."""
    found: defaultdict[str, float] = defaultdict(float)
    kinds = dict.fromkeys((each.pid for each in rig.flows()), "runs")
    kinds |= dict.fromkeys((each.pid for each in rig.workers()), "workers")
    kinds |= dict.fromkeys((each.pid for each in rig.server()), "server")
    for pid, kind in {**kinds, rig.up.pid: "up"}.items():
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        pss = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
        found[kind] += int(pss.split()[1]) / 1024
    return found


def size(path: Path) -> float:
    """Size of a SQLite database with its log, in MiB."""
    files = [path.with_name(path.name + ending) for ending in ("", "-wal")]
    return sum(each.stat().st_size for each in files if each.exists()) / 1024**2


def growth(minutes: Sequence[float], values: Sequence[float]) -> float:
    """Growth by the hour, over the second half."""
    half = len(minutes) // 2
    return float(np.polyfit(minutes[half:], values[half:], 1)[0]) * 60 if len(minutes) - half > 1 else float("nan")


def measure(rig: Rig) -> dict[str, float]:
    used = memory(rig)
    runs = rig.call("POST", "flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}) or []
    return {
        **{kind: used.get(kind, 0.0) for kind in KINDS},
        "results database": size(rig.home / "feedback.db"),
        "server database": size(rig.home / "prefect" / "prefect.db"),
        "batches": rig.count("batch"),
        "trained": rig.count("batch WHERE trained_at IS NOT NULL"),
        "runs ended": len(runs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=40.0)
    minutes = parser.parse_args().minutes
    with running_rig("soak", UNDISTURBED, None) as rig:
        table: list[dict[str, float]] = []
        began, landed = time.monotonic(), 0
        rig.land(seed=1_000)  # enough for three splits
        while (passed := time.monotonic() - began) < minutes * 60:
            landed += 1
            rig.land(seed=1_000 + landed, count=LANDED)
            if passed >= 60 * len(table):
                table.append({"minute": round(passed / 60, 1), **measure(rig)})
                print("  ".join(f"{name} {value:.0f}" for name, value in table[-1].items()), flush=True)
            time.sleep(max(0.0, began + landed * EVERY_SECONDS - time.monotonic()))  # until the next landing is due
        when = [row["minute"] for row in table]
        for name in (*KINDS[:4], "results database", "server database"):
            print(f"{name}: {growth(when, [row[name] for row in table]):+.1f} MiB an hour", flush=True)
        await_sign(rig.is_complete, "the end of all work", LAST_RETRAINING_SECONDS)
        print("at the end: " + "  ".join(f"{name} {value:.0f}" for name, value in measure(rig).items()))


if __name__ == "__main__":
    main()
