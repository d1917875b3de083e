"""Events that a person may want to hear of: a new champion, and data that is not retrained on. Nothing of ours waits for them."""

from typing import Final

from prefect.events import emit_event

PROMOTED: Final = "feedback.champion.promoted"
RETRAINING_WAITS: Final = "feedback.retraining.waits"


def tell_promoted(model_id: str, sentence: str) -> None:
    """Tell that a model became champion."""
    resource = {"prefect.resource.id": "feedback.champion", "prefect.resource.name": "champion"}
    emit_event(PROMOTED, resource, payload={"model_id": model_id, "sentence": sentence})


def tell_waits(reason: str, sentence: str) -> None:
    """Tell that landed data was not retrained on, and why."""
    resource = {"prefect.resource.id": "feedback.retraining", "prefect.resource.name": "retraining"}
    emit_event(RETRAINING_WAITS, resource, payload={"reason": reason, "sentence": sentence})
