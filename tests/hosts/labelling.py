"""Two hosts that label for one endpoint with a limit; prints as JSON what the endpoint saw.

`python -m tests.hosts.labelling DOCUMENTS REQUESTS_PER_MINUTE`
"""

import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from feedback_model.demo.speech import write_demo_input
from tests.databases import postgres_programs
from tests.hosts.network import ADDRESS, move_into_own_network, network
from tests.hosts.services import HANGS, prepare, shared_database
from tests.hosts.trial import HOSTS, LANDED, SEED
from tests.openai_rig.process import serving

COMMAND = (sys.executable, "-m", "deployments.cli")


def label_together(documents: int, per_minute: float, folder: Path) -> dict[str, float]:
    """Have each host run `feedback label` on the same documents, from the same moment."""
    programs = postgres_programs()
    assert programs, "PostgreSQL is not installed"
    write_demo_input(folder / LANDED, documents, SEED)
    endpoint = serving(bind=ADDRESS, requests_per_minute=per_minute)
    with network(HOSTS) as hosts, shared_database(programs) as cluster, endpoint as url:
        found = prepare(folder, cluster)
        for name in [name for name in found.environment if name.startswith("PREFECT_")]:
            del found.environment[name]
        found.environment |= {
            "OPENAI_API_KEY": "test",
            "FEEDBACK_OPENAI_BASE_URL": url,
            "FEEDBACK_LABEL_MODEL": "embedded-rubric-3",
            "FEEDBACK_RELABEL_SHARE": "0",
        }
        found.run(*COMMAND, "land", str(folder / LANDED))
        began = time.monotonic()
        labelling = [found.start(host.name, host.command(*COMMAND, "label")) for host in hosts]
        assert [process.wait(HANGS) for process in labelling] == [0, 0]
        seconds = time.monotonic() - began
        with urllib.request.urlopen(url.removesuffix("/v1") + "/bill") as reply:
            bill = json.load(reply)
    return {
        "seconds": seconds,
        "charged": bill["completions"],
        "bought twice": bill["completions"] - len(bill["replies"]),
        "requests": bill["requests"],
        "refused": bill["rejected"],
    }


if __name__ == "__main__":
    move_into_own_network()
    with tempfile.TemporaryDirectory(prefix="feedback-hosts-") as folder:
        sys.stdout.write(json.dumps(label_together(int(sys.argv[1]), float(sys.argv[2]), Path(folder))) + "\n")
