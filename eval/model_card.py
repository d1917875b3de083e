"""The model card of a promoted adapter: `README.md` beside its weights, with figures that Hugging Face's tools can read.

Format: https://huggingface.co/docs/hub/model-cards, metadata as `model-index`. The same decision writes the same bytes.
"""

import os
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.report.demo_notice import demo_parts
from eval.report.table import show_mse, show_share
from feedback_model.errors import StoreError
from feedback_model.records.evaluation import Evaluation, ModelResult
from feedback_model.records.labels import Dataset
from feedback_model.records.promotion import Decision
from feedback_model.records.training import ModelVersion, TrainingRun
from feedback_model.store.connection import Store
from feedback_model.store.datasets import read_dataset
from feedback_model.store.evaluations import read_evaluation
from feedback_model.store.training import model_version_of, read_run
from feedback_model.training.base_model import DEFAULT_BASE_MODEL
from feedback_model.training.checkpoints import find_checkpoint
from feedback_model.traits import TRAITS

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

LICENCES = {DEFAULT_BASE_MODEL: "apache-2.0"}
"""Of the bases whose licence this repository knows; a model that is derived from one inherits its conditions."""


@dataclass(frozen=True, slots=True)
class Card:
    """What the template fills in."""

    name: str
    decision: Decision
    version: ModelVersion
    run: TrainingRun
    dataset: Dataset
    evaluations: tuple[tuple[Evaluation, ModelResult], ...]
    """Validation, then test, each with this model's row."""
    stand_ins: tuple[str, ...]
    licence: str | None

    @property
    def recipe(self) -> dict[str, Any]:
        """Every setting of the training by name."""
        return asdict(self.run.recipe)


def write_model_card(store: Store, home: Path, decision: Decision) -> Path | None:
    """Write the card of the model that `decision` is about; None where it has no adapter on this disk.

    Raises:
        StoreError: the file cannot be written.
    """
    version = model_version_of(store, decision.model_id)
    folder = None if version.checkpoint is None else find_checkpoint(home, version.checkpoint)
    if folder is None:
        return None
    path = folder / "README.md"
    content = render_card(_gather(store, decision, version)).encode()
    try:
        if not path.is_file() or path.read_bytes() != content:
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.write_bytes(content)
            draft.replace(path)
    except OSError as error:
        raise StoreError(
            f"the model card {path} cannot be written: {error.strerror}; make room or permission"
        ) from error
    return path


def _gather(store: Store, decision: Decision, version: ModelVersion) -> Card:
    names = (decision.evaluation_id, decision.reported_evaluation_id)
    found = [read_evaluation(store, name) for name in dict.fromkeys(names) if name is not None]
    evaluations = [evaluation for evaluation in found if evaluation is not None]
    run = read_run(store, version.checkpoint.run_id if version.checkpoint else "")
    rows = [(each, _row(each, decision.model_id)) for each in evaluations]
    return Card(
        name=f"{_short(version.base.name)}-feedback-{run.run_id[:8]}-{decision.model}",
        decision=decision,
        version=version,
        run=run,
        dataset=read_dataset(store, run.dataset_id),
        evaluations=tuple((each, row) for each, row in rows if row is not None),
        stand_ins=demo_parts(store, evaluations[0]),
        licence=LICENCES.get(version.base.name),
    )


def _short(base: str) -> str:
    return base.rstrip("/").rsplit("/", 1)[-1]


def _row(evaluation: Evaluation, model_id: str) -> ModelResult | None:
    return next((result for result in evaluation.models if result.model_id == model_id), None)


def render_card(card: Card) -> str:
    """The card as Markdown, its metadata first."""
    import jinja2

    environment: Any = jinja2.Environment(
        autoescape=False,  # noqa: S701 - Markdown of our own figures and ids, no page
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"mse": show_mse, "share": show_share}
    template = files("eval").joinpath("model_card.md.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(card=card, traits=TRAITS, metadata=_metadata(card))


def _metadata(card: Card) -> str:
    """The YAML block, by Hugging Face's own writer."""
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        model_name=card.name,
        base_model=None if card.version.base.stand_in else card.version.base.name,
        library_name="peft",
        license=card.licence,
        pipeline_tag="text-generation",
        language="en",
        tags=["lora", "qlora", "feedback", *(["stand-in"] if card.stand_ins else [])],
        eval_results=[result for pair in card.evaluations for result in _eval_results(*pair)],
    )
    return str(data.to_yaml())


def _eval_results(evaluation: Evaluation, row: ModelResult) -> "list[EvalResult]":
    figures = [
        ("strict validity", "validity", row.valid_strict / evaluation.n_test, row.validity_low, row.validity_high),
        ("MSE, invalid outputs penalised", "mse", row.mse_penalised, row.mse_penalised_low, row.mse_penalised_high),
    ]
    figures += [
        (
            f"MSE of {trait.trait}, invalid outputs penalised",
            f"mse_{trait.trait}",
            trait.mse,
            trait.ci_low,
            trait.ci_high,
        )
        for trait in row.traits
        if trait.subset == "penalised"
    ]
    return [_eval_result(evaluation, *figure) for figure in figures]


def _eval_result(
    evaluation: Evaluation, name: str, kind: str, value: float | None, low: float | None, high: float | None
) -> "EvalResult":
    from huggingface_hub import EvalResult

    return EvalResult(
        task_type="text-generation",
        task_name="Feedback on a transcript",
        dataset_type="private",
        dataset_name=f"labels of {evaluation.label_model}, prompt {evaluation.prompt_version}",
        dataset_split=evaluation.split,
        dataset_revision=evaluation.dataset_id,
        metric_type=kind,
        metric_name=name,
        metric_value=value,
        metric_args={"n": evaluation.n_test, "ci_low": low, "ci_high": high},
    )
