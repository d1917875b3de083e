"""The event `feedback.data.landed`, over plain HTTP: the command line says it without loading Prefect.

The event only wakes a retraining. What is to be trained on stands in the database, so a lost event costs time and nothing else.
"""

import base64
import json
import os
import uuid
from datetime import UTC, datetime
from typing import Any

from feedback_model.network import open_url

EVENT = "feedback.data.landed"
RESOURCE = "feedback.inbox"


def landed_event(batch_id: str, accepted: int, occasion: str = "landed") -> dict[str, Any]:
    """Return the event of one batch; its id is derived from batch and occasion, so that saying it twice wakes once."""
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{EVENT}:{batch_id}:{occasion}")),
        "occurred": datetime.now(UTC).isoformat(),
        "event": EVENT,
        "resource": {"prefect.resource.id": RESOURCE, "prefect.resource.name": "landed data"},
        "payload": {"batch_id": batch_id, "accepted": accepted},
    }


def announce_to(api_url: str, batch_id: str, accepted: int, occasion: str = "landed") -> None:
    """Post the event to a Prefect server.

    Args:
        api_url: of the server, ending in `/api`.
        batch_id: what landed.
        accepted: how many transcripts of it are new.
        occasion: another word makes another event of the same batch.

    Raises:
        OSError: nobody answered, or the server refused.
    """
    headers = {"Content-Type": "application/json"}
    if secret := os.environ.get("PREFECT_API_AUTH_STRING"):
        headers["Authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
    body = json.dumps([landed_event(batch_id, accepted, occasion)]).encode()
    open_url(f"{api_url.rstrip('/')}/events", 5, body, headers).close()
