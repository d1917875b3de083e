"""From the name of a base model to a `BaseModel` that can be loaded: checked and pinned, but not loaded.

Names are `embedded`, `smollm2`, a folder, or a hub id. A hub id that is complete in the hub's cache is taken from
there, so that it needs no network and stays the same commit; of another the hub is asked for the commit and two small files.
"""

import hashlib
import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

from feedback_model.errors import ConfigurationError, FeedbackError, HubUnreachable
from feedback_model.records.training import BaseModel

DEFAULT_BASE_MODEL: Final = "Qwen/Qwen2.5-0.5B-Instruct"
"""What is fine-tuned unless the user says otherwise."""
EMBEDDED: Final = "embedded"
"""The name of the demo's tiny base model."""
SMOLLM2: Final = "smollm2"
"""The name of the real base model that needs no hub."""
BUILT_HERE: Final = (EMBEDDED, SMOLLM2)
"""Base models that are made on this machine and kept in the user's cache."""
ReadJson = Callable[[str], dict[str, Any]]
_WAY_ON = "give --base-model a folder, a reachable hub id, smollm2 or embedded"
_TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "tokenizer.model")
_WEIGHTS, _WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLES = (".bin", ".pt", ".pth")
_HUB_TIMEOUT = 10  # seconds


def needs_preflight(name: str) -> bool:
    """Tell whether a base model must be tried before labels are bought for it; the embedded one is known to be good."""
    return name != EMBEDDED


def resolve_base(name: str) -> BaseModel:
    """Check that `name` can be trained on and pin its revision.

    Raises:
        ConfigurationError: it does not exist or is nothing that we load and train.
        HubUnreachable: it is not on this machine, and the hub does not answer.
    """
    if name == EMBEDDED:
        from feedback_model.demo.tiny_base import embedded_base

        return embedded_base()
    if name == SMOLLM2:
        from feedback_model.training.smollm2 import smollm2_base

        return smollm2_base()
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _resolve_folder(folder.absolute())
    if _looks_like_path(name):
        raise ConfigurationError(f"the base model folder {name} does not exist; {_WAY_ON}")
    return _resolve_hub(name)


def _looks_like_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or name.count("/") != 1 or "\\" in name


def _resolve_folder(folder: Path) -> BaseModel:
    _check(f"the folder {folder}", _names(folder), lambda file: _read_json(folder / file))
    return BaseModel(name=str(folder), location=str(folder), revision=hash_folder(folder))


def _names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if file.is_file()}


def _check(where: str, names: Collection[str], read: ReadJson) -> None:
    """Refuse what cannot be loaded, or not without running or believing what comes with it.

    Args:
        where: names the place, for messages.
        names: files that are there.
        read: reads one of them.
    """
    if "config.json" not in names:
        raise ConfigurationError(f"{where} has no config.json, so it holds no base model; {_WAY_ON}")
    _check_config(where, read("config.json"))
    if not any(file in names for file in _TOKENIZER_FILES):
        raise ConfigurationError(f"{where} has no tokenizer; {_WAY_ON}")
    _check_weights(where, names, read)
    if "chat_template.jinja" not in names:
        settings = "tokenizer_config.json"
        if settings not in names or not read(settings).get("chat_template"):
            raise ConfigurationError(
                f"{where} has no chat template; choose an instruct model, or --base-model smollm2 or embedded"
            )


def _read_json(file: Path) -> dict[str, Any]:
    try:
        return _object(file.read_bytes())
    except OSError:
        return {}


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _check_config(where: str, config: dict[str, Any]) -> None:
    quantisation = config.get("quantization_config") or config.get("compression_config")
    if quantisation:
        method = quantisation.get("quant_method", "") if isinstance(quantisation, dict) else ""
        raise ConfigurationError(
            f"{where} is already quantised{f' ({method})' if method else ''}, so that base and base-nf4 would be the same "
            "model; give --base-model the original that it was made from"
        )
    if config.get("auto_map") and not _is_native(config):
        raise ConfigurationError(
            f"{where} needs program code that comes with it, which is never run; choose a --base-model of an "
            "architecture that transformers knows by itself"
        )


def _is_native(config: dict[str, Any]) -> bool:
    # Loads torch, and is asked of few models alone.
    from transformers import CONFIG_MAPPING

    return config.get("model_type") in CONFIG_MAPPING


def _check_weights(where: str, names: Collection[str], read: ReadJson) -> None:
    missing = _missing_weights(names, read)
    if not missing:
        return
    if missing != [_WEIGHTS]:
        raise ConfigurationError(
            f"{where} lacks {len(missing)} files of its weights, {missing[0]} first; fetch it anew, or {_WAY_ON}"
        )
    if any(name.endswith(_PICKLES) for name in names):
        raise ConfigurationError(
            f"{where} has its weights as pickle files alone, which can run code and are never loaded; save them as "
            f"{_WEIGHTS}, or {_WAY_ON}"
        )
    raise ConfigurationError(f"{where} has no model weights ({_WEIGHTS}); {_WAY_ON}")


def _missing_weights(names: Collection[str], read: ReadJson) -> list[str]:
    if _WEIGHTS in names:
        return []
    if _WEIGHTS_INDEX not in names:
        return [_WEIGHTS]
    parts = read(_WEIGHTS_INDEX).get("weight_map")
    return sorted(set(parts.values()) - set(names)) if isinstance(parts, dict) and parts else [_WEIGHTS_INDEX]


def hash_folder(folder: Path) -> str:
    """32 hex digits naming the files directly in `folder`: their names and their bytes."""
    digest = hashlib.sha256()
    for file in sorted(file for file in folder.iterdir() if file.is_file()):
        with file.open("rb") as opened:
            digest.update(file.name.encode() + b"\0" + hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:32]


def _resolve_hub(name: str) -> BaseModel:
    from huggingface_hub import errors

    try:
        cached = cached_snapshot(name)
        if cached is None:
            return _ask_hub(name)
    except errors.RepositoryNotFoundError as error:
        raise ConfigurationError(f"the Hugging Face hub has no model {name!r} for you; {_WAY_ON}") from error
    except errors.HFValidationError as error:
        raise ConfigurationError(f"{name!r} is neither a folder nor a hub id; {_WAY_ON}") from error
    except FeedbackError:
        raise
    except Exception as error:  # the hub's client lets errors of several HTTP libraries through
        raise HubUnreachable(
            f"the base model {name!r} is not complete on this machine and the hub is not reachable; {_WAY_ON}"
        ) from error
    snapshot = Path(cached)
    _check(f"the base model {name!r}", _names(snapshot), lambda file: _read_json(snapshot / file))
    return BaseModel(name=name, location=name, revision=snapshot.name)


def cached_snapshot(name: str, revision: str | None = None) -> str | None:
    """Return the folder of a hub model in the hub's cache; None where tokenizer or weights are not all there.

    Args:
        revision: a commit; None means the one that was fetched last.
    """
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, "config.json", revision=revision)
    if not isinstance(config, str):
        return None
    snapshot = Path(config).parent
    names = _names(snapshot)
    complete = any(file in names for file in _TOKENIZER_FILES) and not _missing_weights(
        names, lambda file: _read_json(snapshot / file)
    )
    return str(snapshot) if complete else None


def _ask_hub(name: str) -> BaseModel:
    from huggingface_hub import HfApi, get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    found = HfApi().model_info(name, timeout=_HUB_TIMEOUT)
    if found.sha is None:
        raise ConfigurationError(f"the hub's {name!r} has no commit; {_WAY_ON}")

    def read(file: str) -> dict[str, Any]:  # once; a download would be tried again for minutes
        address = hf_hub_url(name, file, revision=found.sha)
        answer = get_session().get(address, headers=build_hf_headers(), timeout=_HUB_TIMEOUT, follow_redirects=True)
        hf_raise_for_status(answer)
        return _object(answer.content)

    _check(f"the hub's {name!r}", {sibling.rfilename for sibling in found.siblings or []}, read)
    return BaseModel(name=name, location=name, revision=found.sha)
