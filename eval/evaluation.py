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
from feedback_model.code_version import code_commit
from feedback_model.errors import MissingStage
from feedback_model.parsing import VALIDATOR
from feedback_model.records import Dataset, Decoding, Split, content_id
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.evaluation_records import Comparison, Evaluation, JudgedOutput, LabelledItem, ModelResult
from feedback_model.store.evaluations import models_of_inferences, read_evaluation, save_evaluation
from feedback_model.store.judgements import forget_judgements, judged_outputs, labelled_items, relabelled_items
from feedback_model.store.roles import model_order


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
    if again:
        forget_judgements(store, models.values(), dataset.dataset_id, split)
    judged = [judge_outputs(store, *model, dataset.dataset_id, split) for model in models.items()]
    stored = read_evaluation(store, evaluation_id)
    if stored is not None and not again and not any(judged):
        return stored
    panel = assemble_panel(store, dataset, split, models)
    results, comparisons = _measure(store, panel, models)
    constants = measure_constants(panel)
    label_set = dataset.label_set
    evaluation = Evaluation(
        evaluation_id=evaluation_id,
        created_at=now(),
        dataset_id=dataset.dataset_id,
        run_id=run_id,
        split=split,
        decoding=decoding,
        validator=VALIDATOR,
        label_model=label_set.label_model,
        prompt_version=label_set.prompt_version,
        code_commit=code_commit(),
        n_test=len(panel.items),
        mse_constant=mean_over_traits([constant.mse for constant in constants]),
        models=_with_best_epoch(results, split, best_epoch),
        constants=constants,
        comparisons=comparisons,
        noise_floors=measure_noise_floor(relabelled_items(store, label_set)),
    )
    save_evaluation(store, evaluation, [item.transcript_id for item in panel.items])
    return evaluation


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


def _measure(store: Store, panel: Panel, models: Mapping[str, str]) -> tuple[list[ModelResult], tuple[Comparison, ...]]:
    model_ids = models_of_inferences(store, models.values())
    results = measure_models(panel, {name: (inference, model_ids[inference]) for name, inference in models.items()})
    comparisons = compare_models(_contestants(panel))
    tiers = rank_tiers({result.model: result.mse_penalised for result in results}, comparisons)
    return [replace(result, tier=tiers.get(result.model)) for result in results], comparisons


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
