"""The eight stages of the loop: how the rig sees that one is at work, and which flow executes it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.rig import Rig


@dataclass(frozen=True)
class Stage:
    name: str
    flow: str
    """Whose process executes it."""
    sign: Callable[[Rig], bool]
    """Tells that it is at work."""


def _holds(sql: str, enough: int = 1) -> Callable[[Rig], bool]:
    return lambda rig: rig.count(sql) >= enough


STAGES = (
    Stage("land", "land", lambda rig: rig.is_running("land")),
    Stage("label", "retrain", _holds("label", 10)),
    Stage("augment", "retrain", _holds("label_request WHERE purpose = 'rewrite'")),
    Stage("train", "train", _holds("training_step", 2)),
    Stage("infer", "infer", lambda rig: rig.is_running("infer")),
    Stage("evaluate", "retrain", _holds("evaluation")),
    Stage("decide", "retrain", _holds("decision")),
    Stage("report", "retrain", lambda rig: rig.is_running("report")),
)
