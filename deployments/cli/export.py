"""`feedback export`: a trained model as files that other programs load, measured again before they may carry its name."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.options import Json, load_settings
from deployments.terminal import print_json, print_table, say, showing_progress
from feedback_model.records.exports import ExportFormat, Weights
from flows.parameters import Again, MaxNewTokens

if TYPE_CHECKING:
    from eval.exports import MeasuredVariant
    from feedback_model.export.export import ExportedModel
    from feedback_model.inference.models import ChosenModel
    from feedback_model.records.exports import ExportManifest
    from feedback_model.settings import Settings
    from feedback_model.store.connection import Store


def export(
    export_format: Annotated[
        ExportFormat,
        typer.Option(
            "--format",
            help="`adapter`: the LoRA adapter alone, for its base; `safetensors`: a whole model for transformers and vLLM; "
            "`gguf`: one for llama.cpp and Ollama.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder to write; it does not exist yet.")],
    model: Annotated[
        str | None,
        typer.Option(
            help="`champion`; `epoch-2` or another epoch of the latest evaluation; or a model id of the view `lineage`.",
            show_default="the champion; before there is one, the best epoch of the latest evaluation",
        ),
    ] = None,
    weights: Annotated[
        Weights | None,
        typer.Option(
            help="How weights are held: in safetensors `float32` (equal logits), `bfloat16` or `float16` (half the size); in "
            "GGUF `f16` or `q8_0` (half of that).",
            show_default="float32 in safetensors, f16 in GGUF",
        ),
    ] = None,
    max_new_tokens: MaxNewTokens = 0,
    without_evaluation: Annotated[
        bool,
        typer.Option(
            "--without-evaluation", help="Do not ask the export anything; it is then not called the champion."
        ),
    ] = False,
    again: Again = False,
    json: Json = False,
) -> None:
    """Write a trained model into a folder, with its card, and measure on the held-out transcripts what the format costs.

    A whole model (`safetensors`, `gguf`) has a name of its own, such as `epoch-3-gguf-q8_0`. It is loaded from its files and
    asked about every held-out transcript; the view `variant_tax` has what comes out. It is called the champion only where it was
    made of the champion and is shown to be no worse.
    """
    from feedback_model.export.export import choose_weights, demand_trained, write_export
    from feedback_model.export.folder import new_folder, write_manifest
    from feedback_model.inference.infer import default_max_new_tokens
    from feedback_model.inference.models import choose_model
    from feedback_model.store.connection import open_store

    held = choose_weights(export_format, weights)
    settings = load_settings(writes_elsewhere=True)
    store = open_store(settings.store_url)
    chosen = choose_model(store, model)
    demand_trained(chosen.version)
    limit = max_new_tokens or settings.max_new_tokens or default_max_new_tokens(chosen.version)
    with showing_progress(quiet=json), new_folder(out, again=again) as folder:
        made = write_export(settings.home, chosen.version, folder, export_format, held, limit)
        measured = None if held is None or without_evaluation else _measure(settings, store, chosen, made, limit)
        manifest = _describe(chosen, made, measured, export_format, held)
        _write_card(store, chosen, manifest, measured, folder)
        manifest = write_manifest(folder, manifest)
    _show(manifest, out, json=json)


def _measure(
    settings: "Settings", store: "Store", chosen: "ChosenModel", made: "ExportedModel", limit: int
) -> "MeasuredVariant":
    """Ask the original, as far as it was not asked yet, and the export; both the same, and freely, as other programs ask."""
    from eval.exports import Asked, measure_variant
    from feedback_model.inference.infer import infer
    from feedback_model.store.datasets import held_out, read_dataset
    from feedback_model.store.training import read_run

    assert chosen.version.checkpoint is not None  # noqa: S101 - `demand_trained`
    dataset = read_dataset(store, read_run(store, chosen.version.checkpoint.run_id).dataset_id)
    transcripts = held_out(store, dataset.dataset_id)
    batch_size = settings.inference_batch_size or None
    asked = [
        Asked(
            version.name,
            infer(store, settings.home, version, transcripts, max_new_tokens=limit, batch_size=batch_size),
        )
        for version in (chosen.version, made.version)
    ]
    return measure_variant(store, dataset, *asked)


def _describe(
    chosen: "ChosenModel",
    made: "ExportedModel",
    measured: "MeasuredVariant | None",
    export_format: ExportFormat,
    weights: Weights | None,
) -> "ExportManifest":
    from eval.exports import may_be_champion
    from feedback_model.code_version import code_commit
    from feedback_model.export.export import tool_versions
    from feedback_model.prompts import prompt_version
    from feedback_model.records.exports import ExportManifest
    from feedback_model.store.clock import now

    original, made_from = chosen.version, chosen.version.checkpoint
    assert made_from is not None  # noqa: S101 - `demand_trained`
    champion, reason = may_be_champion(original.name, measured, is_champion=chosen.is_champion, same=weights is None)
    return ExportManifest(
        name=made.version.name,
        model_id=made.version.model_id,
        champion=champion,
        champion_reason=reason,
        format=export_format,
        weights=weights,
        original=original.name,
        original_model_id=original.model_id,
        run_id=made_from.run_id,
        epoch=made_from.epoch,
        adapter_sha=made_from.adapter_sha,
        base_model=original.base.name,
        base_revision=original.base.revision,
        quantised=original.quantised,
        stand_in=original.base.stand_in,
        prompt_version=prompt_version("feedback"),
        weights_sha=made.weights_sha,
        asked_as_trained=made.asked_as_trained,
        tax=measured.tax if measured else (),
        created_at=now(),
        code_commit=code_commit(),
        tools=tool_versions(export_format),
    )


def _write_card(
    store: "Store",
    chosen: "ChosenModel",
    manifest: "ExportManifest",
    measured: "MeasuredVariant | None",
    folder: Path,
) -> None:
    from eval.exports import make_export_card
    from eval.report.model_card import write_model_card

    evaluations = measured.evaluations if measured else ()
    write_model_card(folder, make_export_card(store, chosen.version, manifest, evaluations))


def _show(manifest: "ExportManifest", out: Path, *, json: bool) -> None:
    if json:
        print_json({"folder": str(out.expanduser().resolve()), **asdict(manifest)})
        return
    size = sum(file.size for file in manifest.files) / 1e6
    say(f"{manifest.name}: {out} ({size:,.0f} MB)")
    called = "called the champion" if manifest.champion else "not called the champion"
    say(f"{called}: {manifest.champion_reason}")
    columns = [
        "split",
        "transcripts",
        "same answer",
        "valid",
        "valid before",
        "MSE",
        "MSE before",
        "from",
        "to",
        "shown to be",
    ]
    rows = [
        [
            tax.split,
            tax.n_asked,
            tax.n_same,
            tax.valid_strict,
            tax.valid_strict_original,
            tax.mse,
            tax.mse_original,
            tax.ci_low,
            tax.ci_high,
            tax.verdict,
        ]
        for tax in manifest.tax
    ]
    if rows:
        print_table(f"{manifest.name} beside {manifest.original}", columns, rows)
