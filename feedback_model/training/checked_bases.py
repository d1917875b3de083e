"""Memory of base models that passed the preflight on this machine, so that the next run does not load one to find out again."""

import hashlib
import json
import os
import platform
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Final

from feedback_model.model_cache import cache_folder
from feedback_model.prompts import prompt_version
from feedback_model.records.identifiers import content_id
from feedback_model.records.recipe import Recipe
from feedback_model.records.training import BaseModel
from feedback_model.training.machine_lock import sole_training
from feedback_model.training.memory import free_memory

if TYPE_CHECKING:
    from feedback_model.training.preflight import CheckedBase

_SHAPED_BY: Final = (
    "chat_frame.py",
    "encoding.py",
    "loading.py",
    "memory.py",
    "memory_plan.py",
    "objective.py",
    "preflight.py",
    "quantisation.py",
)
"""The files of this package that decide what passes."""


def check_once(base: BaseModel, recipe: Recipe, memory: int = 0, cache: Path | None = None) -> "CheckedBase | None":
    """See that `recipe` can train `base`, unless that was seen before; returns what was found, None where nothing was looked at.

    The embedded base is known to be good. One that passed before is loaded again where less memory is free than it took.

    Args:
        memory: bytes that this process may hold in all; 0: what the machine has.

    Raises:
        ModelError, ConfigurationError: it cannot be trained; says why.
        Interrupted: a stop was requested.
    """
    if base.stand_in:
        return None
    file = (cache or cache_folder()) / "checked-bases" / f"{_key(base, recipe, memory)}.json"
    if _passed_before(file, memory):
        return None
    from feedback_model.training.loading import device_name
    from feedback_model.training.memory import return_freed_memory
    from feedback_model.training.preflight import check_base

    with sole_training(device_name()):  # else it would take memory that a training has planned with
        try:
            found = check_base(base, recipe, memory)
        finally:
            return_freed_memory()
    with suppress(OSError):  # where it cannot be kept it is found out again
        _write(file, {**asdict(found), "base_model": base.name})
    return found


def _key(base: BaseModel, recipe: Recipe, memory: int) -> str:
    """Name everything that the outcome depends on."""
    shape = [recipe.max_length, recipe.precision, recipe.rank, recipe.dropout]
    machine = [platform.node(), os.environ.get("CUDA_VISIBLE_DEVICES", "all"), memory]
    return content_id("checked base", base.revision, *shape, *machine, _code(), version("transformers"))


def _code() -> str:
    digest = hashlib.sha256(prompt_version("feedback").encode())
    for name in _SHAPED_BY:
        digest.update(files("feedback_model.training").joinpath(name).read_bytes())
    return digest.hexdigest()


def _passed_before(file: Path, memory: int) -> bool:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        # A GPU is asked when training starts; to ask it here would load torch.
        return found["device"] != "cpu" or free_memory("cpu", memory) >= found["needed_bytes"]
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _write(file: Path, found: dict[str, object]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=file.parent, suffix=".part", delete=False, encoding="utf-8") as opened:
        json.dump(found, opened, indent=2)
    Path(opened.name).replace(file)
