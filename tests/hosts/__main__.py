"""Print as JSON what two hosts leave of which one vanishes in a retraining: `python -m tests.hosts DOCUMENTS SECONDS`."""

import json
import sys
from dataclasses import asdict

from tests.hosts.network import move_into_own_network
from tests.hosts.trial import HOSTS, run_trial

if __name__ == "__main__":
    move_into_own_network()
    sys.stdout.write(json.dumps(asdict(run_trial(int(sys.argv[1]), HOSTS, float(sys.argv[2])).outcome)))
