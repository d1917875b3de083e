"""Evaluation of several models on one split: outputs are judged, then all figures written in one transaction.

The same dataset, split, decoding, validator and inferences name the same evaluation, so asking twice measures once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from eval.measure import measure_constants, measure_models, measure_noise_floor, measure_panel
from eval.metrics import mean_over_traits
from eval.panel import Panel, as_scores, fit_constant
from feedback_model.code_version import code_commit
from feedback_model.errors import MissingStage
from feedback_model.parsing import VALIDATOR, judge
from feedback_model.progress import track
from feedback_model.records.evaluation import Decoding, Evaluation, JudgedOutput, NoiseFloor
from feedback_model.records.identifiers import content_id
from feedback_model.records.labels import Dataset, LabelledTranscript, LabellingConfig
from feedback_model.records.training import EpochMeasured
from feedback_model.records.transcripts import Split
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.evaluations import is_current, models_of_inferences, read_evaluation, save_evaluation
from feedback_model.store.labels import count_labelled, labelled_transcripts, relabelled_transcripts
from feedback_model.store.predictions import judge_by_expectation, judged_outputs, outputs_to_judge, save_judgements

CHUNK = 500  # outputs judged and committed at once: at most half a second even where each needs repair


def judge_outputs(
    store: Store, model: str, inference_id: str, dataset_id: str, split: Split, *, again: bool = False
) -> int:
    """Judge what one inference said about one part of a dataset; commits as it goes.

    Args:
        model: what progress calls it.
        again: judge anew what is judged already, in its place.

    Returns:
        How many were judged now.

    Raises:
        Interrupted: a stop was requested; what is judged is kept.
    """
    outputs = outputs_to_judge(store, inference_id, dataset_id, split, again=again)
    if not outputs:
        return 0
    progress = track(f"judge {model}", len(outputs))
    for start in range(0, len(outputs), CHUNK):
        chunk = outputs[start : start + CHUNK]
        judged = {name: judge(raw, finish) for name, raw, finish in chunk}
        save_judgements(store, inference_id, judged, again=again)
        progress.advance(len(chunk))
    return len(outputs)


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
    if decoding == "direct":
        judged = [judge_by_expectation(store, each, dataset.dataset_id, split) for each in models.values()]
    else:
        judged = [judge_outputs(store, *model, dataset.dataset_id, split, again=again) for model in models.items()]
    stored = read_evaluation(store, evaluation_id)
    if stored is not None and not again and not any(judged) and is_current(store, stored):
        return stored
    unmeasured = _start(evaluation_id, dataset, split, run_id, decoding)
    panel = assemble_panel(store, dataset, split, models)
    evaluation = measure_panel(unmeasured, panel, _identify(store, models), best_epoch)
    evaluation = replace(evaluation, noise_floors=_noise_floors(store, dataset.labelling_config))
    save_evaluation(store, evaluation, [item.transcript_id for item in panel.items])
    return evaluation


def measure_epoch(store: Store, dataset: Dataset, model: str, inference_id: str) -> EpochMeasured:
    """Measure one checkpoint on validation while its training goes on; no evaluation is made of it, so none is counted.

    Raises:
        MissingStage: there are no labels or outputs to measure.
    """
    judge_outputs(store, model, inference_id, dataset.dataset_id, "validation")
    panel = assemble_panel(store, dataset, "validation", {model: inference_id})
    (result,) = measure_models(panel, _identify(store, {model: inference_id}))
    constant = mean_over_traits([each.mse for each in measure_constants(panel)])
    return EpochMeasured(len(panel.items), result.valid_strict, result.mse_penalised, constant)


def _start(evaluation_id: str, dataset: Dataset, split: Split, run_id: str | None, decoding: Decoding) -> Evaluation:
    """Start an evaluation that nothing is measured in yet."""
    return Evaluation(
        evaluation_id=evaluation_id,
        created_at=now(),
        dataset_id=dataset.dataset_id,
        run_id=run_id,
        split=split,
        decoding=decoding,
        validator=VALIDATOR,
        label_model=dataset.labelling_config.label_model,
        prompt_version=dataset.labelling_config.prompt_version,
        code_commit=code_commit(),
        n_test=0,
        mse_constant=None,
        models=(),
        constants=(),
    )


def name_evaluation(dataset: Dataset, split: Split, models: Mapping[str, str], decoding: Decoding) -> str:
    """Derive the id of an evaluation from its inputs: equal inputs, equal id."""
    return content_id("evaluation", dataset.dataset_id, split, decoding, VALIDATOR, dict(models))


def _identify(store: Store, models: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Look up inference id and model id by model."""
    model_ids = models_of_inferences(store, models.values())
    return {name: (inference_id, model_ids[inference_id]) for name, inference_id in models.items()}


def _noise_floors(store: Store, labelling_config: LabellingConfig) -> tuple[NoiseFloor, ...]:
    relabelled = relabelled_transcripts(store, labelling_config)
    return measure_noise_floor(relabelled, count_labelled(store, labelling_config) if relabelled else 0)


def assemble_panel(store: Store, dataset: Dataset, split: Split, models: Mapping[str, str]) -> Panel:
    """Read the labels and the judged outputs of `models` (inference id by name) on one split.

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


def _labelled(store: Store, dataset: Dataset, split: Split, *, real_only: bool = False) -> list[LabelledTranscript]:
    items = labelled_transcripts(
        store, dataset.labelling_config, dataset_id=dataset.dataset_id, split=split, real_only=real_only
    )
    if not items:
        raise MissingStage(
            f"dataset {dataset.dataset_id[:8]} has no labelled transcripts in its {split} part; "
            "land more, run `feedback label`, then `feedback train`"
        )
    n_part = {"train": dataset.n_train, "validation": dataset.n_validation, "test": dataset.n_test}[split]
    if not real_only and len(items) != n_part:
        raise MissingStage(
            f"{dataset.labelling_config.label_model} labels {len(items)} of the {n_part} {split} transcripts of dataset "
            f"{dataset.dataset_id[:8]}; run `feedback label`, then `feedback train` to snapshot what is labelled"
        )
    return items


def _outputs_of(
    store: Store, model: str, inference_id: str, dataset: Dataset, split: Split, items: Iterable[LabelledTranscript]
) -> tuple[JudgedOutput, ...]:
    """Read the judged outputs of one model in the order of `items`, matched by transcript id."""
    by_transcript = judged_outputs(store, inference_id, dataset.dataset_id, split)
    asked = [item.transcript_id for item in items]
    missing = sum(name not in by_transcript for name in asked)
    if missing:
        raise MissingStage(
            f"{model} has no output for {missing} of {len(asked)} {split} transcripts; run `feedback evaluate` to infer them"
        )
    return tuple(by_transcript[name] for name in asked)
