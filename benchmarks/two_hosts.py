"""What a second host brings, and what it does to the results when it vanishes.

    python benchmarks/two_hosts.py [--documents N] [--away SECONDS]

Hosts are network namespaces of this machine, each with its own processes, name, temporary folder and core; the services
(PostgreSQL, Redis, Prefect's server and its background services, as containers run them) are in a third, on whatever is left of
the two cores. One retraining with one host and one with two, on the same documents, and both again on a tenth of them, when the
second host vanishes as soon as both ask models: its cable is pulled, and plugged in again after `--away` seconds. Each begins
with empty databases.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from results_page import processor_name, processor_seconds, table, write_results

from feedback_model.demo.speech import write_demo_input
from tests.databases import postgres_programs
from tests.hosts.network import Host, missing, move_into_own_network, network
from tests.hosts.services import Services, services
from tests.hosts.trial import PARTS, Trial, run_trial
from tests.local_service import eventually

HOSTS = {"host-a": 0, "host-b": 1}
SHARED = ("redis", "server", "services", "postgresql")
Meanwhile = Callable[[Services, list[Host]], Callable[[], None]]


def undisturbed(_found: Services, _hosts: list[Host]) -> Callable[[], None]:
    return lambda: None


def vanishing(seconds: float) -> Meanwhile:
    """Have the second host vanish once both ask models, and come back after so many seconds."""

    def prepare(found: Services, hosts: list[Host]) -> Callable[[], None]:
        moments: list[float] = []

        def look() -> None:
            if not moments:
                asking = [run for run in found.runs_of("infer/gpu") if run["state_type"] == "RUNNING"]
                if len(asking) == len(HOSTS):
                    hosts[-1].vanish()
                    moments.append(time.monotonic())
            elif len(moments) == 1 and time.monotonic() - moments[0] > seconds:
                hosts[-1].come_back()
                moments.append(time.monotonic())

        return look

    return prepare


def trial(documents: int, names: dict[str, int], disturb: Meanwhile = undisturbed, settles: float = 0) -> Trial:
    """Run one retraining; after it, see that nothing is left at work for `settles` seconds at most."""
    programs = postgres_programs()
    if programs is None:
        sys.exit("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="feedback-hosts-"))
    folder.chmod(0o755)  # PostgreSQL's user goes through it
    landed = folder / "documents.jsonl"
    write_demo_input(landed, documents, 5)
    options = {"augmentation_share": 0, "epochs": 1}
    with network(names) as hosts, services(folder, programs, options) as (found, cluster):
        look = disturb(found, hosts)
        ended = run_trial(found, cluster, hosts, landed, look)
        if settles:
            eventually(lambda: (look(), found.is_at_rest())[1], settles)
    return ended


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--away", type=float, default=600.0)
    arguments = parser.parse_args()
    if reason := missing():
        sys.exit(reason)
    move_into_own_network()
    began = processor_seconds()
    one, two = trial(arguments.documents, {"host-a": 0}), trial(arguments.documents, HOSTS)
    few, away = arguments.documents // 10, arguments.away
    alone, lost = trial(few, {"host-a": 0}), trial(few, HOSTS, vanishing(away), settles=away + 600)
    head = ["part", "one host, s", "two, s", "times as fast", "services, processor s", "without these"]
    body = f"""# Two hosts

{processor_name()}, two cores: one for each host, and the services on both. {arguments.documents:,} documents,
labelled by the demo's labeller, one epoch of the demo's base; start-up of processes included.

{table(head, [_row(part, one, two) for part in PARTS])}

The whole retraining, of which one host does the training: {one.seconds:.0f} s and {two.seconds:.0f} s. {_same(one, two)}
PostgreSQL had at most {_connections(one)} connections with one host, {_connections(two)} with two.

{few:,} documents, the second host away for {away:.0f} s from when both asked models: {lost.seconds:.0f} s, and
{alone.seconds:.0f} s by one host alone. {_same(alone, lost)} After it had come back nothing was left at work.
"""
    write_results("two_hosts", ["prefect"], processor_seconds() - began, body, keep=arguments.documents >= 10_000)


def _row(part: str, one: Trial, two: Trial) -> list[str]:
    """Compare a part; the services' seconds, which both hosts' cores gave, are taken off the time of two."""
    alone, together = one.parts[part].seconds, two.parts[part].seconds
    services_used = [each.used_in(part, *SHARED) for each in (one, two)]
    of_hosts = together - services_used[1] / len(HOSTS)
    figures = (f"{alone:.1f}", f"{together:.1f}", f"{alone / together:.2f}")
    return [part, *figures, " and ".join(f"{each:.1f}" for each in services_used), f"{alone / of_hosts:.2f}"]


def _connections(one: Trial) -> str:
    return f"{one.connections['feedback']} (results) and {one.connections['prefect']} (Prefect)"


def _same(one: Trial, other: Trial) -> str:
    if one.outcome == other.outcome:
        return "Both left the same rows and figures."
    return f"They differ: {one.outcome} and {other.outcome}."


if __name__ == "__main__":
    main()
