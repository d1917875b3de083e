"""The embedded base model: built once on this machine, kept in the user's cache, loaded like any Hugging Face folder.

Says where the model lies and guards the cache; `tiny_training` builds. Importing this loads no torch.
"""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from feedback_model.model_cache import build_once, cache_folder
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


def embedded_base(cache: Path | None = None) -> BaseModel:
    """Return the embedded base, built first (about two minutes) where the cache lacks it.

    Raises:
        ConfigurationError: the cache cannot be written.
        Interrupted: a stop was requested while it was being built.
    """
    recipe = recipe_hash()
    folder = (cache or cache_folder()) / f"tiny-base-{recipe}"
    build_once(folder, "the embedded base model", _build, _is_complete)
    return BaseModel(name=NAME, location=str(folder), revision=recipe, stand_in=True)


@cache
def recipe_hash() -> str:
    """16 hex digits over everything that shapes the model: its code, its words and the feedback prompt."""
    digest = hashlib.sha256(prompt_version("feedback").encode())
    for name in _SHAPED_BY:
        digest.update(files("feedback_model.demo").joinpath(name).read_bytes())
    return digest.hexdigest()[:16]


def _is_complete(folder: Path) -> bool:
    return (folder / "model.safetensors").is_file()


def _build(workshop: Path) -> None:
    from feedback_model.demo.tiny_training import build_tiny_base

    build_tiny_base(workshop)
