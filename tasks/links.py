"""Links into the Prefect UI, from its root; imports no Prefect."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

RETRAIN: Final = "retrain/on-data-landed"
"""The deployment whose form a person is sent to."""


def run_form_link(deployment_id: str, parameters: Mapping[str, Any]) -> str:
    """Return where the form of a custom run opens, filled in.

    Args:
        parameters: all that are to differ from the flow's own defaults; those of the deployment are not filled in beside them.
    """
    filled = quote(json.dumps(parameters, separators=(",", ":")))
    return f"/v2/deployments/deployment/{deployment_id}/run?parameters={filled}"


def flow_run_link(flow_run_id: str) -> str:
    """Return where a run is."""
    return f"/v2/runs/flow-run/{flow_run_id}"


def artifact_link(artifact_id: str) -> str:
    """Return where a page of a run is."""
    return f"/v2/artifacts/artifact/{artifact_id}"
