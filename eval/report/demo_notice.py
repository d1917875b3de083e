"""What stood in for the real thing in an evaluation, in sentences that every reader of its figures gets."""

from eval.report.data import Cell, run_query_file
from feedback_model.records.evaluation import Evaluation
from feedback_model.store.connection import Store

EMBEDDED_LABEL_MODEL = "embedded-rubric-1"


def demo_parts(store: Store, evaluation: Evaluation) -> tuple[str, ...]:
    """One sentence or more for each stand-in; nothing where all was real."""
    lineage = run_query_file(store, "lineage", evaluation_id=evaluation.evaluation_id).rows
    return name_demo_parts(evaluation.label_model, any_base=any(row["stand_in"] for row in lineage))


def name_demo_parts(label_model: Cell, *, any_base: bool) -> tuple[str, ...]:
    """The same, of what is known already.

    Args:
        any_base: whether any of the models is built on the embedded base.
    """
    sentences: list[str] = []
    if label_model == EMBEDDED_LABEL_MODEL:
        sentences.append(
            "The labels were not made by a language model but by a documented heuristic that counts words "
            f"({EMBEDDED_LABEL_MODEL}): figures say how well the models learned that heuristic."
        )
    if any_base:
        from feedback_model.demo.tiny_base import TINY_BASE_STORY

        sentences.append(TINY_BASE_STORY)
    return tuple(sentences)
