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
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from results_page import processor_name, processor_seconds, table, write_results

from tests.hosts.faults import absence
from tests.hosts.network import missing, move_into_own_network
from tests.hosts.trial import HOSTS, ONE, PARTS, Trial, run_trial

SHARED = ("redis", "server", "services", "postgresql")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=8_000)
    parser.add_argument("--away", type=float, default=600.0)
    arguments = parser.parse_args()
    if reason := missing():
        sys.exit(reason)
    move_into_own_network()
    began = processor_seconds()
    one, two = run_trial(arguments.documents, ONE), run_trial(arguments.documents, HOSTS)
    few, away = max(200, arguments.documents // 10), arguments.away
    alone, lost = run_trial(few, ONE), run_trial(few, HOSTS, partial(absence, seconds=away))
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
    write_results("two_hosts", ["prefect"], processor_seconds() - began, body, keep=arguments.documents >= 8_000)


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
