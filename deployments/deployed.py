"""A deployment as a server has it, for whoever tells of it; loads no Prefect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment as the server has it now."""

    deployment_id: str
    name: str
    """With its flow's: `retrain/nightly`."""
    pool: str
    starts: str
    """What starts it, in words."""
    parameters: Mapping[str, Any]
    """Defaults that replace those of the flow."""
