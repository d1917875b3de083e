"""One evaluation: several models against the same labels on one split, judged, measured and written at once.

The same dataset, split, decoding, validator and inferences name the same evaluation, so asking twice measures once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from eval.comparisons import Contestants, compare_models, rank_tiers
from eval.constant import fit_constant
from eval.judging import judge_outputs
from eval.measuring import Panel, as_scores, measure_constants, measure_models
from eval.metrics import mean_over_traits
from eval.noise_floor import measure_noise_floor
from eval.trait_comparisons import compare_traits
from feedback_model.code_version import code_commit
from feedback_model.errors import MissingStage
from feedback_model.parsing import VALIDATOR
from feedback_model.records import Dataset, Decoding, LabelSet, Split, content_id
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.evaluation_records import Evaluation, JudgedOutput, LabelledItem, ModelResult, NoiseFloor
from feedback_model.store.evaluations import models_of_inferences, read_evaluation, save_evaluation
from feedback_model.store.judgements import (
    count_labelled,
    judged_outputs,
    labelled_items,
    relabelled_items,
)
from feedback_model.store.roles import model_order
from feedback_model.store.standing import stands


def evaluate(
    store: Store,
    dataset: Dataset,
    split: Split,
    models: Mapping[str, str],
    run_id: str | None,
    *,
    decoding: Decoding = "free",
    best_epoch: str | None = None,
    again: bool = False,
) -> Evaluation:
    """Measure `models` on one split of `dataset`; what is stored already is returned as it is.

    Where outputs came in place of those it was measured on (an inference that was asked again), it is measured anew.

    Args:
        models: inference id by name, in the order of the table: `base`, `base-nf4`, `epoch-1`, ..., `champion`.
        run_id: the training run whose epochs are measured.
        best_epoch: the epoch that validation chose; on the validation split it is chosen here.
        again: judge and measure anew, in place of what is stored.

    Raises:
        MissingStage: no models, labels or outputs to measure.
        Interrupted: a stop was requested; nothing partial is visible.
    """
    evaluation_id = name_evaluation(dataset, split, models, decoding)
    judged = [judge_outputs(store, *model, dataset.dataset_id, split, again=again) for model in models.items()]
    stored = read_evaluation(store, evaluation_id)
    if stored is not None and not again and not any(judged) and stands(store, stored):
        return stored
    heading = _head(evaluation_id, dataset, split, run_id, decoding)
    panel = assemble_panel(store, dataset, split, models)
    evaluation = measure_panel(heading, panel, _identify(store, models), best_epoch)
    evaluation = replace(evaluation, noise_floors=_noise_floors(store, dataset.label_set))
    save_evaluation(store, evaluation, [item.transcript_id for item in panel.items])
    return evaluation


def _head(evaluation_id: str, dataset: Dataset, split: Split, run_id: str | None, decoding: Decoding) -> Evaluation:
    """The evaluation before anything is measured."""
    return Evaluation(
        evaluation_id=evaluation_id,
        created_at=now(),
        dataset_id=dataset.dataset_id,
        run_id=run_id,
        split=split,
        decoding=decoding,
        validator=VALIDATOR,
        label_model=dataset.label_set.label_model,
        prompt_version=dataset.label_set.prompt_version,
        code_commit=code_commit(),
        n_test=0,
        mse_constant=None,
        models=(),
        constants=(),
    )


def measure_panel(
    heading: Evaluation, panel: Panel, names: Mapping[str, tuple[str, str]], best_epoch: str | None
) -> Evaluation:
    """`heading` with every figure that follows from `panel`: nothing is read or written.

    Args:
        names: inference id and model id by model.
        best_epoch: as for `evaluate`.
    """
    contestants = _contestants(panel)
    results, comparisons = measure_models(panel, names), compare_models(contestants)
    tiers = rank_tiers({result.model: result.mse_penalised for result in results}, comparisons)
    ranked = [replace(result, tier=tiers.get(result.model)) for result in results]
    constants = measure_constants(panel)
    return replace(
        heading,
        n_test=len(panel.items),
        mse_constant=mean_over_traits([constant.mse for constant in constants]),
        models=_with_best_epoch(ranked, heading.split, best_epoch),
        constants=constants,
        comparisons=comparisons,
        trait_comparisons=compare_traits(contestants),
    )


def name_evaluation(dataset: Dataset, split: Split, models: Mapping[str, str], decoding: Decoding) -> str:
    """The id of an evaluation: equal inputs, equal name."""
    return content_id("evaluation", dataset.dataset_id, split, decoding, VALIDATOR, dict(models))


def choose_best_epoch(validation: Evaluation) -> str | None:
    """The epoch with the lowest worst-case MSE, the earlier of equals; None if no epoch was measured.

    The worst case, not the penalty: an invalid output is of no use to anyone, yet the train median it is penalised with can be a
    better guess than a young epoch's valid answers, and an epoch must not win by staying silent.
    """
    return _best_epoch(validation.models)


def _best_epoch(results: Iterable[ModelResult]) -> str | None:
    # min keeps the first of equals, and epochs stand in their order
    epochs = [(result.mse_upper, result.model) for result in results if result.model.startswith("epoch-")]
    measured = [(mse, model) for mse, model in epochs if mse is not None]
    return min(measured, key=lambda epoch: epoch[0])[1] if measured else None


def _with_best_epoch(results: list[ModelResult], split: Split, best_epoch: str | None) -> tuple[ModelResult, ...]:
    best = _best_epoch(results) if split == "validation" else best_epoch
    return tuple(replace(result, is_best_epoch=result.model == best) for result in results)


def _identify(store: Store, models: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Inference id and model id by model."""
    model_ids = models_of_inferences(store, models.values())
    return {name: (inference_id, model_ids[inference_id]) for name, inference_id in models.items()}


def _noise_floors(store: Store, label_set: LabelSet) -> tuple[NoiseFloor, ...]:
    relabelled = relabelled_items(store, label_set)
    return measure_noise_floor(relabelled, count_labelled(store, label_set) if relabelled else 0)


def _contestants(panel: Panel) -> Contestants:
    predictions = {model: panel.predictions(model) for model in sorted(panel.outputs, key=model_order)}
    return Contestants(panel.labels, panel.sources(), panel.constant.medians, predictions)


def assemble_panel(store: Store, dataset: Dataset, split: Split, models: Mapping[str, str]) -> Panel:
    """Labels and judged outputs of `models` (inference id by name) on one split.

    Raises:
        MissingStage: there are no models, labels or outputs.
    """
    if not models:
        raise MissingStage("no model was named to evaluate; run `feedback train` first")
    items = tuple(_labelled(store, dataset, split))
    train = _labelled(store, dataset, "train", real_only=True)
    outputs = {
        model: _outputs_of(store, model, inference_id, dataset, split, items) for model, inference_id in models.items()
    }
    return Panel(items, outputs, fit_constant(as_scores([item.scores for item in train])))


def _labelled(store: Store, dataset: Dataset, split: Split, *, real_only: bool = False) -> list[LabelledItem]:
    items = labelled_items(store, dataset, split, real_only=real_only)
    if not items:
        raise MissingStage(
            f"dataset {dataset.dataset_id[:8]} has no labelled transcripts in its {split} part; "
            "land more, run `feedback label`, then `feedback train`"
        )
    n_part = {"train": dataset.n_train, "validation": dataset.n_validation, "test": dataset.n_test}[split]
    if not real_only and len(items) != n_part:
        raise MissingStage(
            f"{dataset.label_set.label_model} labels {len(items)} of the {n_part} {split} transcripts of dataset "
            f"{dataset.dataset_id[:8]}; run `feedback label`, then `feedback train` to snapshot what is labelled"
        )
    return items


def _outputs_of(
    store: Store, model: str, inference_id: str, dataset: Dataset, split: Split, items: Iterable[LabelledItem]
) -> tuple[JudgedOutput, ...]:
    """The judged outputs of one model in the order of `items`, matched by transcript id."""
    by_transcript = judged_outputs(store, inference_id, dataset.dataset_id, split)
    asked = [item.transcript_id for item in items]
    missing = sum(name not in by_transcript for name in asked)
    if missing:
        raise MissingStage(
            f"{model} has no output for {missing} of {len(asked)} {split} transcripts; run `feedback evaluate` to infer them"
        )
    return tuple(by_transcript[name] for name in asked)
