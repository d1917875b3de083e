"""`feedback score --engine ray` on two nodes of one core each beside one process on one core: rows, pace, and a lost node.

    python benchmarks/scoring_on_ray.py [--count 2000] [--rounds 3] [--quick]

Needs `make ray`. Each run is the command as a person starts it; both nodes and the command stand on this machine. Start-up is
the same command on one transcript, and the pace is that of the others beyond it. Processor time is that of the command and of
both nodes, which shows where others work on the machine. In the last run a node is killed when half of the rows are there.
Texts are excerpts of real speech; the base is the embedded one, untrained.
"""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from results_page import processor_name, processor_seconds, table, write_results
from scoring_memory import prepare_model

from feedback_model.demo.real_speech import read_real_speech

ROOT = Path(__file__).parents[1]
NODE = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 128 * 1024**2}
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Else Ray takes 127.0.0.1 for the machine's address in its network, where these nodes do not listen."""
WORDS = 120
QUICK = 100
LOOK_SECONDS = 0.02
METER_SECONDS = 0.25


def write_talks(path: Path, count: int) -> None:
    """Write `count` texts, no two alike."""
    with path.open("w", encoding="utf-8") as file:
        for number, whole in enumerate(islice(cycle(read_real_speech()), count)):
            text = " ".join(whole.split()[:WORDS])
            file.write(json.dumps({"id": f"t{number}", "text": f"Number {number}. {text}"}) + "\n")


@dataclass
class Nodes:
    """A cluster of two nodes."""

    cluster: Any
    second: Any
    seconds: float
    """Until both were there."""

    def lose_one(self) -> None:
        """Kill every process of the node that the command does not stand on."""
        self.cluster.remove_node(self.second, allow_graceful=False)


@contextmanager
def two_nodes() -> Generator[Nodes]:
    from ray.cluster_utils import Cluster

    began = time.perf_counter()
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    try:
        second = cluster.add_node(**NODE)
        cluster.wait_for_nodes()
        yield Nodes(cluster, second, time.perf_counter() - began)
    finally:
        cluster.shutdown()


class ProcessorMeter:
    """Counts the processor seconds of everything below this process, for a block."""

    def __init__(self) -> None:
        self._used: dict[int, float] = {}
        self._ended = threading.Event()

    def __enter__(self) -> "ProcessorMeter":
        self._look()
        self._before = dict(self._used)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._watcher.join()
        self.seconds = sum(used - self._before.get(pid, 0) for pid, used in self._used.items())

    def _watch(self) -> None:
        while not self._ended.wait(METER_SECONDS):  # what a process uses between the last look and its end is left out
            self._look()

    def _look(self) -> None:
        for each in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                self._used[each.pid] = times.user + times.system


@dataclass
class Side:
    """One way of running the command."""

    name: str
    options: tuple[str, ...]
    environment: dict[str, str]
    start: list[float] = field(default_factory=list)
    """Seconds for one transcript, round by round."""
    whole: list[float] = field(default_factory=list)
    """Seconds for all of them."""
    used: list[float] = field(default_factory=list)
    """Processor seconds for all of them."""

    def pace(self, count: int) -> float:
        """Transcripts a second beyond start-up."""
        return (count - 1) / (statistics.median(self.whole) - statistics.median(self.start))

    def row(self, count: int) -> list[object]:
        start, whole, used = (f"{statistics.median(each):.1f}" for each in (self.start, self.whole, self.used))
        spread = f"{min(self.whole):.1f} to {max(self.whole):.1f}"
        return [self.name, start, whole, spread, f"{self.pace(count):.1f}", used]


@dataclass
class Bench:
    """What all runs share."""

    home: Path
    model: str
    decoding: str
    count: int

    def out(self, name: str) -> Path:
        return self.home / f"rows-{name}.jsonl"

    def begin(self, side: Side, talks: str, name: str) -> "subprocess.Popen[bytes]":
        command = [
            sys.executable,
            "-m",
            "deployments.cli",
            "score",
            str(self.home / talks),
            "--out",
            str(self.out(name)),
        ]
        options = ["--again", "--model", self.model, "--decoding", self.decoding, *side.options]
        paths = {"FEEDBACK_HOME": str(self.home), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        return subprocess.Popen([*command, *options], env=os.environ | paths | side.environment)

    def time(self, side: Side, talks: str, name: str) -> tuple[float, float]:
        """Return the seconds that the command takes, and the processor seconds."""
        began = time.perf_counter()
        with ProcessorMeter() as meter, self.begin(side, talks, name) as process:
            check(process.wait() == 0, f"{side.name} ended with {process.returncode}")
            seconds = time.perf_counter() - began
        return seconds, meter.seconds

    def lose_a_node(self, side: Side, nodes: Nodes) -> tuple[int, float]:
        """Run to the end while a node is lost; returns the rows that were there by then, and the seconds in all."""
        began, partial = time.perf_counter(), self.out("lost").with_name("rows-lost.jsonl.partial")
        with self.begin(side, "talks.jsonl", "lost") as process:
            while (there := rows_in(partial)) < self.count / 2:
                check(process.poll() is None, "the command ended before half of the rows were there")
                time.sleep(LOOK_SECONDS)  # between two looks at its rows
            nodes.lose_one()
            check(process.wait() == 0, f"with a lost node the command ended with {process.returncode}")
        return there, time.perf_counter() - began

    def same(self, name: str) -> bool:
        """Tell whether a result is the one process's, byte for byte."""
        return self.out(name).read_bytes() == self.out("process").read_bytes()


def rows_in(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def check(is_so: bool, otherwise: str) -> None:
    if not is_so:
        sys.exit(otherwise)


def measure(bench: Bench, rounds: int) -> str:
    with two_nodes() as nodes:
        process = Side("one process", (), {})
        ray = Side("Ray, two nodes", ("--engine", "ray"), {"RAY_ADDRESS": nodes.cluster.address, **LOOPBACK})
        sides = {"process": process, "ray": ray}
        for _ in range(rounds):  # in turn, so that what else the machine does is shared
            for name, side in sides.items():
                side.start.append(bench.time(side, "first.jsonl", "first")[0])
                seconds, used = bench.time(side, "talks.jsonl", name)
                side.whole.append(seconds)
                side.used.append(used)
                sys.stderr.write(f"{side.name}: {side.start[-1]:.1f} s, {seconds:.1f} s, {used:.1f} s of processors\n")
        equal = bench.same("ray")
        there, seconds = bench.lose_a_node(ray, nodes)
    header = ["", "start-up, s", "all, s", "least to most", "transcripts a second beyond start-up", "processor seconds"]
    times = ray.pace(bench.count) / process.pace(bench.count)
    whole = statistics.median(process.whole) / statistics.median(ray.whole)
    return f"""{table(header, [side.row(bench.count) for side in sides.values()])}

Beyond start-up two nodes are {times:.2f} times as fast as one process, start-up included {whole:.2f} times.
Rows: {told(equal)}. The nodes themselves take {nodes.seconds:.1f} s to start.

One node of two killed when {there:,} of {bench.count:,} rows were there, {seconds:.1f} s in all.
Rows: {told(bench.same("lost"))}.
"""


def told(is_same: bool) -> str:
    return "the same as one process's, byte for byte" if is_same else "NOT those of one process"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--decoding", default="template", choices=["free", "template", "direct"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few transcripts, to see that it runs; not kept")
    arguments = parser.parse_args()
    count, rounds = (QUICK, 1) if arguments.quick else (arguments.count, arguments.rounds)
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    os.environ["PYTHONPATH"] = str(ROOT)  # for the processes of the nodes
    started, load = processor_seconds(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), prepare_model(Path(folder), "embedded"), arguments.decoding, count)
        write_talks(bench.home / "talks.jsonl", count)
        write_talks(bench.home / "first.jsonl", 1)
        found = measure(bench, rounds)
    body = f"""# `feedback score --engine ray` on two nodes

{processor_name()}, {os.cpu_count()} cores, on which both nodes and the command stand; one thread each. Load of
the machine before: {load:.1f}. {count:,} texts of {WORDS} words, embedded base, `{arguments.decoding}`, median of {rounds}.

{found}"""
    used = processor_seconds() - started
    write_results("scoring_on_ray", ["ray", "torch"], used, body, keep=not arguments.quick)


if __name__ == "__main__":
    main()
