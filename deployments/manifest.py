"""`prefect.yaml` as records: what is deployed, where it runs, and what wakes it.

Reads the file and nothing else: it knows neither a server nor what is deployed there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MANIFEST = Path(__file__).with_name("prefect.yaml")


@dataclass(frozen=True, slots=True)
class DeploymentSpec:
    """One deployment as `prefect.yaml` has it."""

    name: str
    """The part after the slash: `on-demand`."""
    entrypoint: str
    """Dotted path of the flow function."""
    description: str
    tags: tuple[str, ...]
    pool: str
    """Work pool that runs it."""
    limit: int | None
    """Runs at once; None means no bound."""
    collision_strategy: str
    """What becomes of a run beyond the limit."""
    triggers: tuple[Mapping[str, Any], ...]
    """Event triggers in Prefect's own words."""


def read_manifest(path: Path = MANIFEST) -> tuple[DeploymentSpec, ...]:
    """Every deployment of `path`, in its order."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(_spec(entry) for entry in document["deployments"])


def _spec(entry: Mapping[str, Any]) -> DeploymentSpec:
    limit = entry.get("concurrency_limit", {})
    return DeploymentSpec(
        name=entry["name"],
        entrypoint=entry["entrypoint"],
        description=entry["description"],
        tags=tuple(entry["tags"]),
        pool=entry["work_pool"]["name"],
        limit=limit.get("limit"),
        collision_strategy=limit.get("collision_strategy", "ENQUEUE"),
        triggers=tuple(entry.get("triggers", ())),
    )
