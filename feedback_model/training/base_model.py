"""From the name of a base model to a `BaseModel` that can be loaded: checked and pinned, but not loaded.

Names are `embedded`, a folder, or a hub id. Needs no torch; the hub is asked only for a commit and a tokenizer's settings.
"""

import hashlib
import json
from pathlib import Path
from typing import Final

from feedback_model.errors import ConfigurationError, FeedbackError, HubUnreachable
from feedback_model.records.training import BaseModel

DEFAULT_BASE_MODEL: Final = "Qwen/Qwen2.5-0.5B-Instruct"
"""What is fine-tuned unless the user says otherwise."""
EMBEDDED: Final = "embedded"
"""The name of the demo's tiny base model."""
_WAY_ON = "give --base-model a folder, a reachable hub id, or embedded"
_TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "tokenizer.model")
_WEIGHT_SUFFIXES = (".safetensors", ".bin")


def resolve_base(name: str) -> BaseModel:
    """Check that `name` can be trained on and pin its revision.

    Raises:
        ConfigurationError: it does not exist or has no chat template.
        HubUnreachable: it is not on this machine, and the hub does not answer.
    """
    if name == EMBEDDED:
        from feedback_model.demo.tiny_base import embedded_base

        return embedded_base()
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _resolve_folder(folder.absolute())
    if _looks_like_path(name):
        raise ConfigurationError(f"the base model folder {name} does not exist; {_WAY_ON}")
    return _resolve_hub(name)


def _looks_like_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or name.count("/") != 1 or "\\" in name


def _resolve_folder(folder: Path) -> BaseModel:
    if not (folder / "config.json").is_file():
        raise ConfigurationError(f"the folder {folder} has no config.json, so it holds no base model; {_WAY_ON}")
    if not any((folder / file).is_file() for file in _TOKENIZER_FILES):
        raise ConfigurationError(f"the base model in {folder} has no tokenizer; {_WAY_ON}")
    weights = [file for file in folder.iterdir() if file.suffix in _WEIGHT_SUFFIXES]
    if not weights:
        raise ConfigurationError(f"the folder {folder} has no model weights (*.safetensors); {_WAY_ON}")
    settings = folder / "tokenizer_config.json"
    if not (folder / "chat_template.jinja").is_file() and not _has_template(settings):
        raise _no_template(str(folder))
    return BaseModel(name=str(folder), location=str(folder), revision=hash_folder(folder))


def _has_template(tokenizer_config: Path) -> bool:
    try:
        return bool(json.loads(tokenizer_config.read_text(encoding="utf-8")).get("chat_template"))
    except (OSError, ValueError, AttributeError):
        return False


def _no_template(where: str) -> ConfigurationError:
    return ConfigurationError(
        f"the base model {where} has no chat template; choose an instruct model, or --base-model embedded"
    )


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
        return _from_hub(name)
    except errors.RepositoryNotFoundError as error:
        raise ConfigurationError(f"the Hugging Face hub has no model {name!r} for you; {_WAY_ON}") from error
    except errors.HFValidationError as error:
        raise ConfigurationError(f"{name!r} is neither a folder nor a hub id; {_WAY_ON}") from error
    except FeedbackError:
        raise
    except Exception as error:  # the hub's client lets errors of several HTTP libraries through
        cached = _from_cache(name)
        if cached is None:
            raise HubUnreachable(
                f"the base model {name!r} is not on this machine and the hub is not reachable; {_WAY_ON}"
            ) from error
        return cached


def _from_hub(name: str) -> BaseModel:
    from huggingface_hub import HfApi, hf_hub_download

    found = HfApi().model_info(name, timeout=10)
    files = {sibling.rfilename for sibling in found.siblings or []}
    if found.sha is None or "config.json" not in files:
        raise ConfigurationError(f"the hub's {name!r} has no config.json, so it is not a model we can load; {_WAY_ON}")
    if "chat_template.jinja" not in files:
        settings = hf_hub_download(name, "tokenizer_config.json", revision=found.sha)
        if not _has_template(Path(settings)):
            raise _no_template(name)
    return BaseModel(name=name, location=name, revision=found.sha)


def _from_cache(name: str) -> BaseModel | None:
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, "config.json")
    if not isinstance(config, str):
        return None
    snapshot = Path(config).parent
    if not (snapshot / "chat_template.jinja").is_file() and not _has_template(snapshot / "tokenizer_config.json"):
        raise _no_template(name)
    return BaseModel(name=name, location=name, revision=snapshot.name)
