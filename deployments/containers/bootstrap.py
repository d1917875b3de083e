"""`feedback-container bootstrap`: make pools, deployments and automations on the server, and end.

Runs are not looked after here, as `feedback up` does at its start: no container sees the processes of another.
"""

import argparse
import asyncio
import sys
from typing import Any, get_args

from feedback_model.errors import FeedbackError
from feedback_model.records.labels import LabellerKind
from feedback_model.settings import Settings


def main() -> int:
    """Bring the server at `PREFECT_API_URL` to what this version says."""
    parameters = _read_parameters()
    gpu_hosts = parameters.pop("gpu_hosts", 0)
    try:
        _bootstrap(parameters, gpu_hosts)
    except FeedbackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _read_parameters() -> dict[str, Any]:
    """Read the defaults that deployments are to have from now on; what is empty stays as it is."""
    parser = argparse.ArgumentParser(prog="feedback-container bootstrap")
    parser.add_argument("--labeller", choices=["", *get_args(LabellerKind)], default="")
    parser.add_argument("--base-model", default="")
    parser.add_argument(
        "--gpu-hosts", type=int, default=0, help="that work for the pool gpu: so many runs there at once"
    )
    return {name: value for name, value in vars(parser.parse_args()).items() if value}


def _bootstrap(parameters: dict[str, Any], gpu_hosts: int) -> None:
    from prefect.settings import get_current_settings

    from deployments.deploy import allow_hosts, bootstrap
    from deployments.local.server import wait_for_answer

    wait_for_answer(get_current_settings().api.url or "")
    for each in asyncio.run(bootstrap(parameters, Settings().notify_url)):
        sys.stdout.write(f"{each.name} in pool {each.pool}, starts {each.starts}\n")
    if gpu_hosts:
        asyncio.run(allow_hosts("gpu", gpu_hosts))


if __name__ == "__main__":
    sys.exit(main())
