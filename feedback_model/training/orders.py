"""What training processes are told: the run and its examples, as one message of JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from feedback_model.feedback import Feedback, TraitFeedback
from feedback_model.records.labels import LabelledTranscript
from feedback_model.records.recipe import recipe_from
from feedback_model.records.training import BaseModel, TrainingRun


@dataclass(frozen=True, slots=True)
class Order:
    """A training, as each of its processes is given it."""

    run: TrainingRun
    """Without its checkpoints, which no process needs."""
    examples: Sequence[LabelledTranscript]
    memory: int
    """Bytes that a process may hold in all; 0: what the machine has."""


def to_message(order: Order) -> bytes:
    """Return `order` as bytes."""
    return json.dumps(asdict(order)).encode()


def from_message(message: bytes) -> Order:
    """Return the order that `to_message` made these bytes of."""
    told = json.loads(message)
    run = told["run"] | {
        "base": BaseModel(**told["run"]["base"]),
        "recipe": recipe_from(told["run"]["recipe"]),
        "checkpoints": (),
    }
    return Order(TrainingRun(**run), [_example(each) for each in told["examples"]], told["memory"])


def _example(told: dict[str, Any]) -> LabelledTranscript:
    made: dict[str, Any] = {
        "feedback": Feedback(tuple(TraitFeedback(*trait) for trait in told["feedback"]["traits"])),
        "expected": None if told["expected"] is None else tuple(told["expected"]),
    }
    return LabelledTranscript(**(told | made))
