"""Loading a base model and its tokenizer, quietly and always in the same way, for training and inference alike."""
# pyright: basic

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from feedback_model.errors import FeedbackError, ModelError
from feedback_model.records.recipe import PrecisionName
from feedback_model.records.training import BaseModel
from feedback_model.training.base_model import BUILT_HERE, cached_snapshot, resolve_base

SMALL_MODEL: Final = 5_000_000
"""Parameters below which one thread is fastest: each operation is shorter than waking and joining a second thread."""


def device_name() -> str:
    """`cuda` where there is a usable GPU, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def describe_device() -> str:
    """Return the GPU's name where there is a usable one, else `cpu`."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"


def load_tokenizer(base: BaseModel) -> Any:
    """Return the base model's tokenizer, which always has a padding token.

    Raises:
        ModelError: it cannot be loaded.
    """
    with _loading(base):
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(**_source(base))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(base: BaseModel, quantised: bool, device: str, precision: PrecisionName | None = None) -> Any:
    """Return the base model in evaluation mode on `device`, held in NF4 with double quantisation where `quantised`.

    Args:
        precision: compute type; None means float16 on CUDA and float32 on a CPU.

    Raises:
        ModelError: it cannot be loaded.
    """
    with _loading(base):
        import torch
        from transformers import AutoModelForCausalLM

        dtype = getattr(torch, precision or ("float16" if device == "cuda" else "float32"))
        options = {"quantization_config": _nf4(dtype)} if quantised else {}
        model = AutoModelForCausalLM.from_pretrained(
            **_source(base), dtype=dtype, device_map={"": device}, attn_implementation="sdpa", **options
        )
    _keep_gradients_right(model)
    _decode_greedily(model)
    _fit_threads(model, device)
    return model.eval()


def _nf4(dtype: Any) -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def _keep_gradients_right(model: Any) -> None:
    # On CPUs with AVX512-BF16 bitsandbytes repacks a layer in its first forward without gradients and computes wrong
    # gradients ever after; this private switch keeps the layer as it is (a test compares gradients around an evaluation).
    from bitsandbytes.nn.modules import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def _decode_greedily(model: Any) -> None:
    # Published generation settings (sampling, repetition penalties) would fill in whatever `generate` is not told.
    from transformers import GenerationConfig

    eos = model.generation_config.eos_token_id if model.generation_config else model.config.eos_token_id
    model.generation_config = GenerationConfig(do_sample=False, num_beams=1, eos_token_id=eos)


def _fit_threads(model: Any, device: str) -> None:
    import torch

    if device == "cpu" and model.num_parameters() < SMALL_MODEL:
        torch.set_num_threads(1)


def _source(base: BaseModel) -> dict[str, Any]:
    source = {"pretrained_model_name_or_path": base.location, "trust_remote_code": False}
    folder = _folder(base)
    if folder is not None:
        return {**source, "pretrained_model_name_or_path": folder, "local_files_only": True}
    return {**source, "revision": base.revision}


def _folder(base: BaseModel) -> str | None:
    """Return where the files of `base` lie on this machine; None where the hub must be asked for them."""
    if base.name in BUILT_HERE and base.location == base.name:
        return _built_folder(base)
    if Path(base.location).is_dir():
        return base.location
    return cached_snapshot(base.location, base.revision)


def _built_folder(base: BaseModel) -> str:
    # Rows of the store name such a base without its folder, which is a cache that may move or be rebuilt.
    built = resolve_base(base.name)
    if built.revision != base.revision:
        raise ModelError(
            f"this checkpoint belongs to the {base.name} base model {base.revision[:8]}, "
            f"but this version builds {built.revision[:8]}; run `feedback train`"
        )
    return built.location


@contextmanager
def _loading(base: BaseModel) -> Iterator[None]:
    try:
        with quiet_libraries():
            yield
    except FeedbackError:
        raise
    except Exception as error:  # what the loaders raise is not documented as a set
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"the base model {base.name} could not be loaded: {first_line}") from error


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep the progress bars, hints and deprecation notices of the model libraries from the terminal."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("BITSANDBYTES_NOWELCOME", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers.utils import logging as transformers_logging

        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
        yield
