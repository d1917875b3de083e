"""A model with its adapter merged into the values of NF4, spelled out in float32, and its folder as transformers loads it."""
# pyright: basic

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from feedback_model.errors import ModelError
from feedback_model.export.chat import exported_template
from feedback_model.inference.reference import end_tokens
from feedback_model.records.exports import Weights
from feedback_model.records.training import ModelVersion
from feedback_model.training.checkpoints import verified_folder
from feedback_model.training.encoding import ChatEncoder
from feedback_model.training.loading import load_model, load_tokenizer, quiet_libraries


def merge(home: Path, version: ModelVersion) -> tuple[Any, Any]:
    """Return the merged model in float32 on the CPU, and its tokenizer.

    In float32 the result depends on no compute type: the 16 bits of another device round the values of NF4 each in their way.

    Raises:
        ModelError: the base or the adapter cannot be loaded, or the two do not fit.
    """
    assert version.checkpoint is not None  # noqa: S101 - only trained models are exported
    folder = verified_folder(home, version.checkpoint)
    model = load_model(version.base, version.quantised, "cpu", "float32", in_4_bits=False)
    with quiet_libraries():
        from peft import PeftModel

        try:
            merged = PeftModel.from_pretrained(model, str(folder)).merge_and_unload(safe_merge=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(f"the adapter in {folder} cannot be merged into its base: {error}") from error
    return _ends_as_taught(merged, tokenizer := load_tokenizer(version.base)), tokenizer


def _ends_as_taught(model: Any, tokenizer: Any) -> Any:
    """Have `generate` stop at the token that ends an answer, greedily, whatever the base was published with."""
    ends = sorted(end_tokens(model, ChatEncoder(tokenizer)))
    settings = model.generation_config
    settings.eos_token_id = ends if len(ends) > 1 else ends[0]
    settings.pad_token_id = model.config.pad_token_id = tokenizer.pad_token_id
    model.name_or_path = ""  # a path of this machine
    return model.eval()


def size_of(model: Any, weights: Weights) -> int:
    """Estimate the bytes that the weights take on disk."""
    bytes_each = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "f16": 2.0, "q8_0": 34 / 32}[weights]
    return int(model.num_parameters() * bytes_each)


def write_safetensors(model: Any, folder: Path, weights: Weights) -> None:
    """Write weights, configuration and generation settings into `folder`; `model` is cast in place.

    Raises:
        OSError: the disk is full or refuses to write.
    """
    model.to(getattr(torch, weights))
    try:
        with quiet_libraries():
            model.save_pretrained(folder)
    except SafetensorError as error:  # a full disk, mostly
        raise OSError(str(error)) from error


def write_settings(model: Any, folder: Path) -> None:
    """Write configuration and generation settings alone."""
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)


def write_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write the tokenizer with the chat template that other programs are to use."""
    tokenizer.chat_template = exported_template(tokenizer)
    tokenizer.name_or_path = ""
    for local in ("is_local", "local_files_only"):  # how it was loaded here
        tokenizer.init_kwargs.pop(local, None)
    with quiet_libraries():
        tokenizer.save_pretrained(folder)
