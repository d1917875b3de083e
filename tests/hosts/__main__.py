"""A retraining on two hosts, disturbed while both ask models; prints as JSON what it leaves.

`python -m tests.hosts DOCUMENTS [{away | redis | server | services | host-b} [SECONDS]]`
"""

import json
import sys
from dataclasses import asdict

from tests.hosts.faults import Fault, absence, death
from tests.hosts.network import Host, move_into_own_network
from tests.hosts.services import Services
from tests.hosts.trial import HOSTS, run_trial


def disturb(found: Services, hosts: list[Host]) -> Fault:
    name, *said = sys.argv[2:]
    seconds = map(float, said)
    return absence(found, hosts, *seconds) if name == "away" else death(found, hosts, name, *seconds)


if __name__ == "__main__":
    move_into_own_network()
    sys.stdout.write(json.dumps(asdict(run_trial(int(sys.argv[1]), HOSTS, disturb if sys.argv[2:] else None).outcome)))
