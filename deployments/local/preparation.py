"""What a server that has just started is brought to: its deployments, and the runs that an earlier `feedback up` lost.

A process of its own does it, because it takes Prefect, of which `feedback up` itself would keep 100 MB for as long as it runs.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deployments.deployed import Deployed
from feedback_model.errors import ConfigurationError, FeedbackError
from feedback_model.progress import check_stop


@dataclass(frozen=True, slots=True)
class Prepared:
    """What came of it."""

    deployed: tuple[Deployed, ...]
    resumed: tuple[str, ...]
    """Names of the runs that go on."""


def prepare(parameters: Mapping[str, Any], log: Path) -> Prepared:
    """Prepare the server and the home folder that the environment names, before there are workers.

    Args:
        parameters: new defaults of the deployments.
        log: takes what Prefect says meanwhile.

    Raises:
        ConfigurationError: it cannot be done; says why.
        Interrupted: a stop was requested.
    """
    command = [sys.executable, "-m", "deployments.local.preparation"]
    with log.open("w", encoding="utf-8") as sink:
        done = subprocess.run(
            command, input=json.dumps(dict(parameters)), stdout=subprocess.PIPE, stderr=sink, text=True, check=False
        )
    check_stop()
    if done.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        raise ConfigurationError(done.stdout.strip() or f"the deployments could not be made ({said}); see {log}")
    found = json.loads(done.stdout)
    return Prepared(tuple(Deployed(**each) for each in found["deployed"]), tuple(found["resumed"]))


def main() -> int:
    """Do what standard input asks for and print what came of it, or one sentence."""
    from deployments.deploy import bootstrap
    from deployments.local.recovery import Recovery
    from deployments.local.workers import worker_names
    from feedback_model.settings import Settings

    parameters, settings = json.load(sys.stdin), Settings()

    async def work() -> dict[str, Any]:
        # Where notifications go stands in the environment alone, since it is a secret.
        deployed = await bootstrap(parameters, settings.notify_url)
        resumed = await Recovery(settings.home, worker_names()).look(at_once=True)
        return {"deployed": [asdict(each) for each in deployed], "resumed": resumed}

    try:
        said, status = json.dumps(asyncio.run(work())), 0
    except FeedbackError as error:
        said, status = str(error), 1
    sys.stdout.write(f"{said}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
