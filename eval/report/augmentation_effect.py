"""Effect of augmentation: the best epoch beside that of the same training without the rewrites.

The verdict rests on the penalised comparison, after Holm's correction over all pairs of the evaluation; macro MSE and the
errors by score level stand beside it, for augmentation is there for rare scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from eval.report.data import QueryResult, Row
from eval.report.text import state_effect
from feedback_model.records.training import UNAUGMENTED

NOT_MEASURED = "the same training without augmentation was not measured"


@dataclass(frozen=True, slots=True)
class Effect:
    """Models trained with and without augmentation, side by side."""

    sentence: str
    """The verdict."""
    models: tuple[str, str]
    """The best epoch, then the one without."""
    comparisons: Mapping[str, Row]
    """By measure: the best epoch less the one without."""
    macro: Mapping[tuple[str, str], Row]
    """By model and trait, on the common subset."""
    levels: Mapping[tuple[str, str, int], Row]
    """By model, trait and label score."""


def find_effect(results: Mapping[str, QueryResult]) -> Effect | None:
    """Find the effect in the results; None where no model was trained without the rewrites."""
    compared = {str(row["measure"]): row for row in results["effect"].rows}
    if "penalised" not in compared:
        return None
    own, first = results["evaluation"].rows[0], compared["penalised"]
    return Effect(
        sentence=state_effect(own["n_test"], own["split"], first),
        models=(str(first["model"]), UNAUGMENTED),
        comparisons=compared,
        macro={(str(row["model"]), str(row["trait"])): row for row in results["effect_macro"].rows},
        levels={_level(row): row for row in results["effect_levels"].rows},
    )


def _level(row: Row) -> tuple[str, str, int]:
    return str(row["model"]), str(row["trait"]), int(row["label_score"] or 0)


def state_augmentation_effect(results: Mapping[str, QueryResult]) -> str:
    """State the effect in one sentence, from the results of the queries `evaluation` and `effect` alone."""
    compared = next((row for row in results["effect"].rows if row["measure"] == "penalised"), None)
    if compared is None:
        return NOT_MEASURED
    own = results["evaluation"].rows[0]
    return state_effect(own["n_test"], own["split"], compared)
