"""Measurement of an export beside the model that it was made of, and its card: what the form costs on each held-out split.

Validation decides whether the export counts as no worse, as it decides everything; test reports.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from eval.evaluate import evaluate
from eval.report.model_card import ModelCard, make_card
from feedback_model.records.evaluation import Evaluation
from feedback_model.records.exports import ExportManifest, VariantTax, Verdict
from feedback_model.records.labels import Dataset
from feedback_model.records.promotion import Decision
from feedback_model.records.training import ModelVersion
from feedback_model.records.transcripts import Split
from feedback_model.store.connection import Store
from feedback_model.store.datasets import read_dataset
from feedback_model.store.evaluations import latest_evaluation
from feedback_model.store.promotions import champion, find_decision
from feedback_model.store.readonly_sql import select_rows
from feedback_model.store.training import read_run

SPLITS: Final[tuple[Split, ...]] = ("validation", "test")
_TAX = "SELECT * FROM variant_tax WHERE evaluation_id = :evaluation_id AND model = :model"
_SAME = """
SELECT COUNT(*) AS n_same
FROM outputs
JOIN outputs AS of_original
    ON of_original.evaluation_id = outputs.evaluation_id AND of_original.transcript_id = outputs.transcript_id
WHERE outputs.evaluation_id = :evaluation_id AND outputs.model = :model AND of_original.model = :original
    AND of_original.raw_text = outputs.raw_text
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A model under its name in an evaluation, and how it was asked."""

    name: str
    inference_id: str


@dataclass(frozen=True, slots=True)
class MeasuredVariant:
    """Evaluations that a variant and its original have in common, and what they say of its cost."""

    evaluations: tuple[Evaluation, ...]
    """Validation, then test."""
    tax: tuple[VariantTax, ...]
    """The same."""

    @property
    def verdict(self) -> Verdict:
        """What validation says."""
        return self.tax[0].verdict


def measure_variant(store: Store, dataset: Dataset, original: Asked, variant: Asked) -> MeasuredVariant:
    """Measure a variant beside its original on both held-out splits of `dataset`; what is stored already is returned as it is.

    Raises:
        MissingStage: there are no labels or outputs to measure.
        Interrupted: a stop was requested; nothing partial is visible.
    """
    models = {each.name: each.inference_id for each in (original, variant)}
    # Of no run: these are two models side by side, and no evaluation of all that a training made.
    evaluations = tuple(evaluate(store, dataset, split, models, None, best_epoch=original.name) for split in SPLITS)
    return MeasuredVariant(evaluations, tuple(_tax(store, each, original.name, variant.name) for each in evaluations))


def _tax(store: Store, evaluation: Evaluation, original: str, variant: str) -> VariantTax:
    names = {"evaluation_id": evaluation.evaluation_id, "model": variant}
    (row,) = select_rows(store, _TAX, **names)
    (same,) = select_rows(store, _SAME, **names, original=original)
    ours, theirs = evaluation.model(variant), evaluation.model(original)
    assert ours is not None and theirs is not None  # noqa: S101 - both were measured above
    return VariantTax(
        split=evaluation.split,
        evaluation_id=evaluation.evaluation_id,
        verdict=cast(Verdict, row["verdict"]),
        n_asked=evaluation.n_test,
        n_same=int(str(same["n_same"])),
        valid_strict=ours.valid_strict,
        valid_strict_original=theirs.valid_strict,
        mse=ours.mse_penalised,
        mse_original=theirs.mse_penalised,
        difference=_figure(row["penalised_difference"]),
        ci_low=_figure(row["penalised_low"]),
        ci_high=_figure(row["penalised_high"]),
    )


def _figure(value: Any) -> float | None:
    return None if value is None else float(value)


def make_export_card(
    store: Store, version: ModelVersion, manifest: ExportManifest, evaluations: Sequence[Evaluation]
) -> ModelCard:
    """Gather what the card of an export says.

    Args:
        version: the model that it was made of.
        evaluations: those in which the export stands; empty for an adapter, which has the figures of its model.
    """
    run = read_run(store, manifest.run_id)
    decision = _promotion_of(store, manifest.original_model_id)
    shown = evaluations or (_evaluations_of(store, manifest.model_id) if manifest.format == "adapter" else ())
    return make_card(decision, version, run, read_dataset(store, run.dataset_id), shown, manifest)


def _promotion_of(store: Store, model_id: str) -> Decision | None:
    present = champion(store)
    return find_decision(store, present.decision_id) if present is not None and present.model_id == model_id else None


def _evaluations_of(store: Store, model_id: str) -> tuple[Evaluation, ...]:
    """Return the newest evaluation on each split, as far as it measured a model."""
    newest = [latest_evaluation(store, split) for split in SPLITS]
    return tuple(each for each in newest if each and any(row.model_id == model_id for row in each.models))


def may_be_champion(
    original: str, measured: MeasuredVariant | None, *, is_champion: bool, same: bool
) -> tuple[bool, str]:
    """Tell whether an export may be called the champion, and why.

    Args:
        original: the model that it was made of.
        same: its weights are the original's own.
    """
    if not is_champion:
        return False, f"{original} is not the champion."
    if same:
        return True, "its weights are the champion's own, byte for byte."
    if measured is None:
        return False, "it was made of the champion and not measured."
    shown = "" if measured.verdict == "no worse" else "not "
    verdict = "" if measured.verdict == "no worse" else f" ({measured.verdict})"
    asked = measured.tax[0].n_asked
    reason = (
        f"it was made of the champion and is {shown}shown to be no worse, on {asked} validation transcripts{verdict}."
    )
    return measured.verdict == "no worse", reason
