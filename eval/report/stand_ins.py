"""What stood in for the real thing in an evaluation, in sentences that every reader of its figures gets."""

from eval.report.asking import ask
from feedback_model.store.connection import Store
from feedback_model.store.evaluation_records import Evaluation

EMBEDDED_LABEL_MODEL = "embedded-rubric-1"


def stand_ins(store: Store, evaluation: Evaluation) -> tuple[str, ...]:
    """One sentence or more for each stand-in; nothing where all was real."""
    sentences: list[str] = []
    if evaluation.label_model == EMBEDDED_LABEL_MODEL:
        sentences.append(
            "The labels were not made by a language model but by a documented heuristic that counts words "
            f"({EMBEDDED_LABEL_MODEL}): figures say how well the models learned that heuristic."
        )
    lineage = ask(store, "lineage", evaluation_id=evaluation.evaluation_id).rows
    if any(row["stand_in"] for row in lineage):
        from feedback_model.embedded.tiny_base import TINY_BASE_STORY

        sentences.append(TINY_BASE_STORY)
    return tuple(sentences)
