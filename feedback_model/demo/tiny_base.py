"""The embedded base model: built once on this machine, kept in the user's cache, loaded like any Hugging Face folder.

Says where the model lies and guards the cache; `tiny_training` builds. Importing this loads no torch.
"""

import hashlib
import os
import shutil
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from feedback_model.errors import ConfigurationError
from feedback_model.prompts import prompt_version
from feedback_model.records.training import BaseModel

NAME: Final = "embedded"
_SHAPED_BY: Final = (
    "labeller/words.py",
    "labeller/reading.py",
    "labeller/measures.py",
    "labeller/cohesion.py",
    "labeller/weights.py",
    "labeller/weights.json",
    "labeller/scores.py",
    "labeller/cues.py",
    "labeller/explanations.py",
    "register.py",
    "sentence_bank.py",
    "speech.py",
    "tiny_corpus.py",
    "tiny_tokenizer.py",
    "tiny_training.py",
)
"""The files of this package that decide what the model becomes."""
_COMPLETE: Final = "model.safetensors"


def embedded_base(cache_folder: Path | None = None) -> BaseModel:
    """Return the embedded base, built first (about two minutes) where the cache lacks it.

    Raises:
        ConfigurationError: the cache cannot be written.
        Interrupted: a stop was requested while it was being built.
    """
    recipe = recipe_hash()
    folder = (cache_folder or _default_cache()) / f"tiny-base-{recipe}"
    if not (folder / _COMPLETE).is_file():
        _build(folder)
    return BaseModel(name=NAME, location=str(folder), revision=recipe, stand_in=True)


@cache
def recipe_hash() -> str:
    """16 hex digits over everything that shapes the model: its code, its words and the feedback prompt."""
    digest = hashlib.sha256(prompt_version("feedback").encode())
    for name in _SHAPED_BY:
        digest.update(files("feedback_model.demo").joinpath(name).read_bytes())
    return digest.hexdigest()[:16]


def _default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "feedback-model"


def _build(folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise ConfigurationError(
            f"the embedded base model cannot be kept in {folder.parent} ({error.strerror}): "
            "make it writable or set XDG_CACHE_HOME"
        ) from error
    try:
        from feedback_model.demo.tiny_training import build_tiny_base

        build_tiny_base(workshop)
        _publish(workshop, folder)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _publish(workshop: Path, folder: Path) -> None:
    """Move the finished folder into place; whoever comes second keeps the first one's."""
    try:
        workshop.replace(folder)
    except OSError as error:
        if not (folder / _COMPLETE).is_file():
            raise ConfigurationError(
                f"the embedded base model could not be moved to {folder} ({error.strerror}): "
                "remove that folder and run again"
            ) from error
