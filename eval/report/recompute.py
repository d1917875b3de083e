"""Recomputation of an evaluation from the raw outputs and the labels, and its comparison with the figures stored.

Every output is judged anew, every mean, interval and test computed anew; each difference from the database is named.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from math import isclose
from typing import Any, cast

from eval.measure import measure_noise_floor, measure_panel
from eval.panel import Panel, as_scores, fit_constant
from eval.promotion.decide import RULES, GateInput, decide
from eval.report.data import Row
from feedback_model.feedback import Feedback
from feedback_model.parsing import VALIDATOR, judge
from feedback_model.progress import track
from feedback_model.records.evaluation import Evaluation, JudgedOutput, ModelResult
from feedback_model.records.labels import Dataset, LabelledTranscript
from feedback_model.records.promotion import Decision, PromotionRules
from feedback_model.records.transcripts import SPLITS
from feedback_model.store.burial import forgotten_of_dataset
from feedback_model.store.connection import Store
from feedback_model.store.datasets import read_dataset
from feedback_model.store.labels import count_labelled, labelled_transcripts, relabelled_transcripts
from feedback_model.store.predictions import judged_outputs, read_outputs
from feedback_model.store.promotions import find_decision

_KEYS = ("model", "other", "rule", "trait", "subset", "measure", "metric")  # what tells the records of one kind apart

_TOLERANCE = 1e-9  # relative; another machine's sums may round otherwise


@dataclass(frozen=True, slots=True)
class Difference:
    """Value that differs from the one expected."""

    where: str
    found: str
    expected: str

    @property
    def sentence(self) -> str:
        """The difference in words."""
        return f"{self.where} is {self.found} where it should be {self.expected}"


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Comparison of an evaluation as stored with the same computed from the raw outputs."""

    n_outputs: int
    """Judged anew."""
    n_figures: int
    """Computed anew."""
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()
    """Parts that were not computed anew, with the reason."""
    panel: Panel | None = None
    """Labels and outputs that the figures were computed from; None where some are gone."""


def recompute(store: Store, evaluation: Evaluation) -> Recomputed:
    """Compute everything that `evaluation` stores once more, from the raw outputs and the labels.

    Raises:
        InputError: its dataset is gone.
        Interrupted: a stop was requested.
    """
    if evaluation.validator != VALIDATOR:
        note = f"nothing was computed anew: the outputs were judged by {evaluation.validator}, and this code has {VALIDATOR}"
        return Recomputed(0, 0, (), (note,))
    dataset = read_dataset(store, evaluation.dataset_id)
    items = labelled_transcripts(store, dataset.labelling_config, dataset_id=dataset.dataset_id, split=evaluation.split)
    outputs: dict[str, tuple[JudgedOutput, ...]] = {}
    differences: list[Difference] = []
    progress = track("judge again", len(evaluation.models))
    for result in evaluation.models:
        outputs[result.model] = _judge_anew(store, result, items)
        differences += _compare_judgements(store, evaluation, result, items, outputs[result.model])
        progress.advance()
    n_outputs = sum(map(len, outputs.values()))
    note = note_on_forgotten(store, evaluation)
    if forgotten_of_dataset(store, evaluation.dataset_id, [evaluation.split]):
        return Recomputed(n_outputs, 0, tuple(differences), (note,))
    train = labelled_transcripts(
        store, dataset.labelling_config, dataset_id=dataset.dataset_id, split="train", real_only=True
    )
    lacking = _lacking(evaluation, items, train, outputs)
    if lacking is not None:
        return Recomputed(n_outputs, 0, (*differences, lacking))
    panel = Panel(tuple(items), outputs, fit_constant(as_scores([item.scores for item in train])))
    measured, notes = _measure(store, evaluation, dataset, panel)
    stored, anew = figures_of(evaluation), figures_of(measured)
    if note:  # the train part is not what the constants were fitted on
        stored, anew = (
            {name: each for name, each in found.items() if _is_of_outputs(name)} for found in (stored, anew)
        )
        return Recomputed(n_outputs, len(stored), (*differences, *compare_figures(stored, anew)), (note, *notes))
    return Recomputed(n_outputs, len(stored), (*differences, *compare_figures(stored, anew)), notes, panel)


def _is_of_outputs(name: str) -> bool:
    """Tell a figure that rests on the outputs alone from one that rests on the mean or median of the train labels, too."""
    return any(word in name for word in ("individual", "common", "valid_", "mse_lower", "mse_upper"))


def note_on_forgotten(store: Store, evaluation: Evaluation) -> str:
    """Say that transcripts of an evaluation's dataset were forgotten, so that its figures stand alone; empty: none were."""
    forgotten = forgotten_of_dataset(store, evaluation.dataset_id, SPLITS)
    if not forgotten:
        return ""
    return (
        f"forgotten: {len(forgotten)} of the transcripts behind evaluation {evaluation.evaluation_id[:8]} were removed at "
        f"somebody's wish, last on {max(forgotten.values())[:10]}; its figures stand as they were measured and cannot be "
        "computed anew"
    )


def _lacking(
    evaluation: Evaluation,
    items: Sequence[LabelledTranscript],
    train: Sequence[LabelledTranscript],
    outputs: Mapping[str, Sequence[JudgedOutput]],
) -> Difference | None:
    """Find labels or outputs that were measured and are not in the database any more."""
    if not train:
        return Difference("the number of labelled train transcripts", "0", "more")
    counts = {"labels": len(items)} | {f"outputs of {model}": len(found) for model, found in outputs.items()}
    gone = ((name, n) for name, n in counts.items() if n != evaluation.n_test)
    return next((Difference(f"the number of {name}", str(n), str(evaluation.n_test)) for name, n in gone), None)


def compare_figures(stored: Mapping[str, float | None], anew: Mapping[str, float | None]) -> list[Difference]:
    """List the figures, by name, that differ by more than rounding."""
    return [
        Difference(name, repr(stored.get(name)), repr(anew.get(name)))
        for name in dict.fromkeys([*stored, *anew])
        if not _agree(stored.get(name), anew.get(name))
    ]


def figures_of(record: Any, where: str = "") -> dict[str, float | None]:
    """Collect every number in `record` and the records within it, by a name that a person can find it by."""
    found: dict[str, float | None] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if value is None or isinstance(value, int | float):
            found[f"{where}{field.name}"] = value
        elif isinstance(value, tuple):
            for each in filter(is_dataclass, cast("tuple[Any, ...]", value)):
                found |= figures_of(each, f"{where}{_name(each)} ")
    return found


def _name(record: Any) -> str:
    return " ".join(str(getattr(record, key)) for key in _KEYS if hasattr(record, key))


def _agree(stored: float | None, anew: float | None) -> bool:
    if stored is None or anew is None:
        return stored is anew
    return isclose(stored, anew, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


def _judge_anew(store: Store, result: ModelResult, items: Sequence[LabelledTranscript]) -> tuple[JudgedOutput, ...]:
    asked = {item.transcript_id for item in items}
    said = {each.transcript_id: each for each in read_outputs(store, result.inference_id, asked)}
    judged = [
        judge(said[item.transcript_id].raw, said[item.transcript_id].finish_reason)
        for item in items
        if item.transcript_id in said
    ]
    return tuple(JudgedOutput(each.tier, _scores(each.feedback) if each.tier == "strict" else None) for each in judged)


def _scores(feedback: Feedback | None) -> tuple[float, ...] | None:
    return None if feedback is None else tuple(map(float, feedback.scores.values()))


def _compare_judgements(
    store: Store,
    evaluation: Evaluation,
    result: ModelResult,
    items: Sequence[LabelledTranscript],
    anew: Sequence[JudgedOutput],
) -> list[Difference]:
    """List the outputs of which the database has another judgement; the scores count as part of it."""
    stored = judged_outputs(store, result.inference_id, evaluation.dataset_id, evaluation.split)
    return [
        Difference(
            f"the judgement of {result.model} on transcript {item.transcript_id[:12]}",
            repr(stored.get(item.transcript_id)),
            repr(judged),
        )
        for item, judged in zip(items, anew, strict=False)
        if stored.get(item.transcript_id) != judged
    ]


def _measure(
    store: Store, evaluation: Evaluation, dataset: Dataset, panel: Panel
) -> tuple[Evaluation, tuple[str, ...]]:
    """Compute the evaluation anew, with notes on what could not be; the best epoch is chosen on validation and given on test."""
    names = {result.model: (result.inference_id, result.model_id) for result in evaluation.models}
    best = evaluation.best_epoch.model if evaluation.best_epoch else None
    measured = measure_panel(replace(evaluation, models=(), constants=(), n_test=0), panel, names, best)
    relabelled, labelling_config = relabelled_transcripts(store, dataset.labelling_config), dataset.labelling_config
    floors = measure_noise_floor(relabelled, count_labelled(store, labelling_config) if relabelled else 0)
    if [(each.n_used, each.n_total) for each in floors] == [
        (each.n_used, each.n_total) for each in evaluation.noise_floors
    ]:
        return replace(measured, noise_floors=floors), ()
    note = "the noise of the labels was not computed anew, since labels came in after it was measured"
    return replace(measured, noise_floors=evaluation.noise_floors), (note,)


@dataclass(frozen=True, slots=True)
class RecomputedDecision:
    """Comparison of a decision as stored with the same made from the raw outputs."""

    n_figures: int
    """Computed anew."""
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    """Parts that were not computed anew, with the reason."""


def recompute_decision(store: Store, decided: Row, validation: Evaluation, panel: Panel) -> RecomputedDecision:
    """Recompute the evidence of a decision; nothing where it rests on another evaluation.

    Args:
        decided: the decision as the report has it.
        panel: of `validation`, from the raw outputs.
    """
    decision = find_decision(store, str(decided["decision_id"]))
    if decision is None or decision.evaluation_id != validation.evaluation_id:
        return RecomputedDecision(0)
    rules = _read_rules(str(decided["rules"]))
    if rules is None or rules.rules_id != decision.rules.rules_id:
        return RecomputedDecision(
            0, (Difference("the rules of the decision", repr(decided["rules"]), "what their hash says"),)
        )
    if rules.version != RULES.version:
        note = f"the decision was not recomputed: it was made by {rules.version}, and this code has {RULES.version}"
        return RecomputedDecision(0, (), (note,))
    # Evidence without a figure rests on something else: a rollback, say.
    stored = {name: figure for name, figure in figures_of(decision).items() if figure is not None}
    anew = figures_of(decide(_gate_input(decision, rules, validation, panel)))
    return RecomputedDecision(len(stored), tuple(compare_figures(stored, {name: anew.get(name) for name in stored})))


def _read_rules(document: str) -> PromotionRules | None:
    try:
        return PromotionRules(**json.loads(document))
    except (TypeError, ValueError):
        return None


def _gate_input(decision: Decision, rules: PromotionRules, validation: Evaluation, panel: Panel) -> GateInput:
    """Rebuild what was known when it was decided, but for rollbacks, which leave no figure."""
    return GateInput(
        validation=validation,
        test=None,
        panel=panel,
        champion_id=decision.champion_id,
        champion_retired=decision.champion_id not in {result.model_id for result in validation.models},
        rolled_back=None,
        rules=rules,
        fixed=decision.rules,
        predicted_at=decision.predicted_at,
    )
