"""Model card of a promoted adapter or an export: `README.md` beside its weights, with figures that Hugging Face's tools can read.

Format: https://huggingface.co/docs/hub/model-cards, metadata as `model-index`. The same decision writes the same bytes.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.report.demo_notice import demo_notices
from eval.report.number_formats import show_points, show_share
from feedback_model.errors import StoreError
from feedback_model.records.evaluation import Evaluation, ModelResult
from feedback_model.records.exports import ExportFormat, ExportManifest
from feedback_model.records.labels import Dataset
from feedback_model.records.promotion import Decision
from feedback_model.records.training import BaseModel, ModelVersion, TrainingRun
from feedback_model.traits import TRAITS

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

HUB_IDS = {"smollm2": "HuggingFaceTB/SmolLM2-135M-Instruct"}
"""Hub ids of base models that go by another name here."""
LICENCES = {"Qwen/Qwen2.5-0.5B-Instruct": "apache-2.0", "HuggingFaceTB/SmolLM2-135M-Instruct": "apache-2.0"}
"""Licences of base models by hub id, of those that are known here; an adapter inherits the conditions of its base."""


_KINDS: Mapping[ExportFormat, tuple[str, str]] = {
    "adapter": ("peft", "adapter"),
    "safetensors": ("transformers", "finetune"),
    "gguf": ("gguf", "quantized"),
}
"""Library that loads a format, and what it is to its base, in the hub's words."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The facts that the template fills in."""

    name: str
    model_id: str
    decision: Decision | None
    """What made the model champion; None for an export of another."""
    version: ModelVersion
    run: TrainingRun
    dataset: Dataset
    evaluations: tuple[tuple[Evaluation, ModelResult], ...]
    """Validation, then test, each with this model's row; none where an export was not evaluated."""
    demo_notices: tuple[str, ...]
    licence: str | None
    export: ExportManifest | None = None
    """None beside the adapter in the home folder."""

    @property
    def recipe(self) -> dict[str, Any]:
        """Every field of the recipe by name."""
        return asdict(self.run.recipe)


def make_card(
    decision: Decision | None,
    version: ModelVersion,
    run: TrainingRun,
    dataset: Dataset,
    evaluations: Sequence[Evaluation],
    export: ExportManifest | None = None,
) -> ModelCard:
    """Gather what the card of a promoted or exported model says.

    Args:
        decision: by which it, or the model that it was made of, became champion.
        version: the model, with its adapter.
        run: the training that made it.
        evaluations: validation, then test where there is one.
    """
    model, model_id = _identify(decision, export)
    rows = [(each, _find_result(each, model_id)) for each in evaluations]
    base = version.base
    return ModelCard(
        name=f"{base.name.rstrip('/').rsplit('/', 1)[-1]}-feedback-{run.run_id[:8]}-{model}",
        model_id=model_id,
        decision=decision,
        version=version,
        run=run,
        dataset=dataset,
        evaluations=tuple((each, row) for each, row in rows if row is not None),
        demo_notices=demo_notices(dataset.labelling_config.label_model, demo_base=base.stand_in),
        licence=LICENCES.get(_hub_id(base)),
        export=export,
    )


def _identify(decision: Decision | None, export: ExportManifest | None) -> tuple[str, str]:
    """Return the name and the id of the model that the card is about."""
    if export is not None:
        return export.name, export.model_id
    if decision is None:
        raise ValueError("a card is about a promoted model or an export")
    return decision.model, decision.model_id


def _hub_id(base: BaseModel) -> str:
    return HUB_IDS.get(base.name, base.name)


def _find_result(evaluation: Evaluation, model_id: str) -> ModelResult | None:
    return next((result for result in evaluation.models if result.model_id == model_id), None)


def write_model_card(folder: Path, card: ModelCard) -> Path:
    """Write the card into the folder of the adapter; a file that says the same already is left alone.

    Raises:
        StoreError: the file cannot be written.
    """
    path, content = folder / "README.md", render_card(card).encode()
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


def render_card(card: ModelCard) -> str:
    """Render the card as Markdown, its metadata first."""
    import jinja2

    environment: Any = jinja2.Environment(
        autoescape=False,  # noqa: S701 - Markdown of our own figures and ids, no page
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"mse": show_points, "share": show_share}
    environment.loader = jinja2.FunctionLoader(_read_template)
    return environment.get_template("model_card.md.j2").render(card=card, traits=TRAITS, metadata=_metadata(card))


def _read_template(name: str) -> str:
    return files("eval.report").joinpath("templates", name).read_text(encoding="utf-8")


def _metadata(card: ModelCard) -> str:
    """Render the YAML block with Hugging Face's own writer."""
    from huggingface_hub import ModelCardData

    library, relation = _KINDS[card.export.format if card.export else "adapter"]
    data = ModelCardData(
        model_name=card.name,
        base_model=None if card.version.base.stand_in else _hub_id(card.version.base),
        base_model_relation=None if card.version.base.stand_in else relation,
        library_name=library,
        license=card.licence,
        pipeline_tag="text-generation",
        language="en",
        tags=["lora", "qlora", "feedback", *(["demo"] if card.demo_notices else [])],
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
