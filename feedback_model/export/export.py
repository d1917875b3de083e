"""Export a trained model: write it into a folder in one of the formats, under a name of its own."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from feedback_model.errors import ConfigurationError, InputError
from feedback_model.model_cache import sha256_of
from feedback_model.records.exports import WEIGHTS, ExportFormat, Weights
from feedback_model.records.identifiers import content_id
from feedback_model.records.training import ModelVersion, Variant
from feedback_model.training.checkpoints import WEIGHTS_FILE, verified_folder

if TYPE_CHECKING:
    from feedback_model.export.chat import ExportedPrompt

GGUF_FILE: Final = "model.gguf"
OLLAMA_CONTEXT: Final = 4096
"""Tokens that Ollama is told to make room for; prompt, a passage of 250 words and the answer take a quarter of them."""
_COMMIT_DIGITS: Final = 40
ROOM_TO_SPARE: Final = 20_000_000
"""Bytes beside the weights: tokenizer, settings, card."""
_TOOLS: Final[dict[ExportFormat, tuple[str, ...]]] = {
    "adapter": ("peft", "safetensors"),
    "safetensors": ("torch", "transformers", "peft", "bitsandbytes", "safetensors"),
    "gguf": ("torch", "transformers", "peft", "bitsandbytes", "gguf"),
}


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """What stands in a folder now."""

    version: ModelVersion
    """The model that it is: a variant of the original, or the original itself as an adapter."""
    weights_sha: str
    asked_as_trained: bool | None
    """Whether its chat template writes what it was trained on; None for an adapter, which brings none."""


def choose_weights(export_format: ExportFormat, weights: Weights | None) -> Weights | None:
    """Return how the weights are held, by default as the format does by itself.

    Raises:
        InputError: the format does not hold weights so.
    """
    known = WEIGHTS[export_format]
    if weights is None:
        return known[0] if known else None
    if weights not in known:
        ways_on = f"takes --weights {' or '.join(known)}" if known else "keeps its weights as they were trained"
        raise InputError(f"--weights {weights} is nothing for --format {export_format}, which {ways_on}")
    return weights


def demand_trained(version: ModelVersion) -> None:
    """Refuse what no training made.

    Raises:
        InputError: it is a base model, or an export itself.
    """
    if version.variant is not None:
        raise InputError(f"{version.name} is an export itself; name the model that it was made of with --model")
    if version.checkpoint is None:
        raise InputError(
            f"{version.name} is the base model {version.base.name} itself, which nothing here has trained; name an epoch "
            "with --model"
        )


def write_export(
    home: Path,
    version: ModelVersion,
    folder: Path,
    export_format: ExportFormat,
    weights: Weights | None,
    max_new_tokens: int,
) -> ExportedModel:
    """Write `version` into the empty `folder`.

    Args:
        max_new_tokens: what the files advise, after which an answer is cut.

    Raises:
        ModelError: the model cannot be loaded, or not written in this format.
        ConfigurationError: there is no room for it.
        OSError: the disk is full or refuses to write.
        Interrupted: a stop was requested.
    """
    if weights is None:
        return _copy_adapter(home, version, folder)
    if export_format == "gguf":
        _check_gguf(version)
        return _write_whole(home, version, folder, f"gguf-{weights}", weights, max_new_tokens, _write_gguf)
    return _write_whole(home, version, folder, f"merged-{weights}", weights, max_new_tokens, _write_safetensors)


def _write_whole(
    home: Path,
    version: ModelVersion,
    folder: Path,
    form: str,
    weights: Weights,
    max_new_tokens: int,
    write_weights: Callable[["WholeModel", Path, Weights], None],
) -> ExportedModel:
    """Write a model whose adapter is merged into it, with all that it takes to ask it."""
    from feedback_model.export import chat, merged

    model, tokenizer = merged.merge(home, version)
    _demand_room(folder, merged.size_of(model, weights) + ROOM_TO_SPARE)
    prompt = chat.read_prompt(tokenizer, max_new_tokens)
    merged.write_tokenizer(tokenizer, folder)
    chat.write_prompt(prompt, folder)
    write_weights(WholeModel(f"{version.name}-{form}", model, tokenizer, prompt), folder, weights)
    sha = _hash_weights(folder)
    return ExportedModel(version.as_variant(Variant(form, sha, str(folder))), sha, prompt.as_trained)


@dataclass(frozen=True, slots=True)
class WholeModel:
    """A merged model under its name, and how it is asked."""

    name: str
    model: Any
    tokenizer: Any
    prompt: "ExportedPrompt"


def _write_safetensors(whole: WholeModel, folder: Path, weights: Weights) -> None:
    from feedback_model.export.merged import write_safetensors

    write_safetensors(whole.model, folder, weights)


def _write_gguf(whole: WholeModel, folder: Path, weights: Weights) -> None:
    from feedback_model.export import chat, merged
    from feedback_model.export.gguf_file import write_gguf

    merged.write_settings(whole.model, folder)
    write_gguf(whole.model, whole.tokenizer, folder / GGUF_FILE, weights, whole.name)
    context = min(OLLAMA_CONTEXT, whole.model.config.max_position_embeddings)
    chat.write_modelfile(whole.prompt, GGUF_FILE, context, folder)


def _check_gguf(version: ModelVersion) -> None:
    from feedback_model.export.gguf_file import check_family
    from feedback_model.training.loading import load_config

    check_family(load_config(version.base))  # before gigabytes are loaded


def _demand_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:
        raise ConfigurationError(
            f"the export takes {size / 1e6:,.0f} MB in {folder.parent}, where {free / 1e6:,.0f} MB are free: make room, or give "
            "--out a folder elsewhere"
        )


def _copy_adapter(home: Path, version: ModelVersion, folder: Path) -> ExportedModel:
    assert version.checkpoint is not None  # noqa: S101 - `demand_trained`
    source = verified_folder(home, version.checkpoint)
    shutil.copyfile(source / WEIGHTS_FILE, folder / WEIGHTS_FILE)
    settings = source / "adapter_config.json"
    if settings.is_file():
        (folder / settings.name).write_bytes(_without_paths(orjson.loads(settings.read_bytes()), version))
    return ExportedModel(version, version.checkpoint.adapter_sha, None)


def _without_paths(settings: dict[str, Any], version: ModelVersion) -> bytes:
    """Name the base as everybody can find it, not by where it lay on this machine."""
    revision = version.base.revision
    commit = revision if len(revision) == _COMMIT_DIGITS else None  # a hash of ours is nothing that a hub knows
    named = {"base_model_name_or_path": version.base.name, "revision": commit}
    return orjson.dumps(settings | named, option=orjson.OPT_INDENT_2)


def _hash_weights(folder: Path) -> str:
    files = sorted([*folder.glob("*.safetensors"), *folder.glob("*.gguf")])
    return content_id(*((file.name, sha256_of(file)) for file in files))


def tool_versions(export_format: ExportFormat) -> dict[str, str]:
    """Return the versions of the libraries that write a format."""
    return {name: metadata.version(name) for name in _TOOLS[export_format]}
