"""Builders of pieces, of what a model says of them, and of rows."""

from collections.abc import Iterable, Sequence

from feedback_model.feedback import render_feedback
from feedback_model.inference.generator import Output
from feedback_model.records.scores import ScoreDistribution
from feedback_model.scoring.documents import DocumentNames, Piece, Refusal
from feedback_model.scoring.rows import WayOfAsking
from feedback_model.traits import SCORES
from tests.builders import a_feedback, a_speech

ASKED = WayOfAsking("epoch-2", "model-2", champion=True, stand_in=False, decoding="free", inference_id="inference-2")
REFUSED = Refusal(DocumentNames("r", "d9", None, "talks.jsonl:9"), "too_short", "1 word; at least 20 are needed")


def a_document(*words: int, name: str = "d1", **names: str) -> list[Piece]:
    """A document with a piece of so many `words` each."""
    known = DocumentNames(names.get("record_id"), name, names.get("speaker"), names.get("locator", f"{name}.txt"))
    return [
        Piece(known, number, len(words), a_speech(number, count), None, None)
        for number, count in enumerate(words, start=1)
    ]


def an_output(*scores: int, explanation: str | None = None) -> Output:
    """What a model says under `free`: these scores, a trait each, or fives."""
    feedback = a_feedback(*scores)
    if explanation is not None:
        feedback = type(feedback)(tuple(trait._replace(explanation=explanation) for trait in feedback.traits))
    return Output(render_feedback(feedback).encode(), "stop", 100, 0.1)


def nonsense(finish_reason: str = "length") -> Output:
    """What an untrained model says."""
    return Output(b"Sure! The talk is", finish_reason, 100, 0.1)  # type: ignore[arg-type]


def around(score: int, spread: float = 0.1) -> ScoreDistribution:
    """A distribution with most of its mass on `score`, the rest on all scores alike."""
    return ScoreDistribution(tuple((1 - spread) * (each == score) + spread / 10 for each in SCORES))


class Answers:
    """A model whose answers are given, and the texts that it was asked about."""

    def __init__(self, answers: Iterable[Output] = ()) -> None:
        self.answers = iter(answers)
        self.texts: list[str] = []

    def __call__(self, texts: Sequence[str]) -> list[Output]:
        """Answer as given, and then with fives."""
        self.texts += texts
        return [next(self.answers, an_output()) for _ in texts]
