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
from tasks.links import RETRAIN, run_form_link

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
    body = json.dumps([landed_event(batch_id, accepted, occasion)]).encode()
    open_url(f"{api_url.rstrip('/')}/events", 5, body, _headers()).close()


def retraining_form(api_url: str) -> str:
    """Return the path in a server's UI of the form, filled in, that retrains at once, however little has landed.

    Raises:
        OSError: nobody answered, or retraining is not deployed there.
    """
    with open_url(f"{api_url.rstrip('/')}/deployments/name/{RETRAIN}", 5, headers=_headers()) as reply:
        deployed = json.load(reply)
    return run_form_link(deployed["id"], {**deployed["parameters"], "at_once": True})


def _headers() -> dict[str, str]:
    secret = os.environ.get("PREFECT_API_AUTH_STRING")
    lets_in = {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"} if secret else {}
    return {"Content-Type": "application/json", **lets_in}
