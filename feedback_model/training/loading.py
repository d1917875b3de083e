"""Loading a base model and its tokenizer, quietly and always in the same way, for training and inference alike."""
# pyright: basic

import logging
import os
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from feedback_model.errors import FeedbackError, ModelError
from feedback_model.records.recipe import PrecisionName
from feedback_model.records.training import BaseModel
from feedback_model.training.base_model import BUILT_HERE, cached_snapshot, hash_folder, resolve_base
from feedback_model.training.gguf_reader import no_bar_of_the_reader
from feedback_model.training.memory import free_memory
from feedback_model.training.precision import choose_for

_WAY_ON: Final = "download it again or choose another --base-model"
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


def load_config(base: BaseModel) -> Any:
    """Return the configuration of the base model's part that reads text.

    Raises:
        ModelError: it cannot be loaded.
    """
    with _loading(base):
        from transformers import AutoConfig

        return AutoConfig.from_pretrained(**_source(base)).get_text_config()


def outline(base: BaseModel) -> Any:
    """Return the base model's modules without weights, which takes no memory.

    Raises:
        ModelError: transformers knows no such model.
    """
    with _loading(base):
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM

        config = AutoConfig.from_pretrained(**_source(base))
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=False)


def load_model(
    base: BaseModel,
    quantised: bool,
    device: str,
    precision: PrecisionName | None = None,
    *,
    in_4_bits: bool | None = None,
    memory: int = 0,
) -> Any:
    """Return the base model in evaluation mode on `device`, with the values of NF4 where `quantised`.

    Args:
        precision: compute type; None: what a training that asks for float16 would get.
        in_4_bits: whether a quantised model stays in 4 bits; None: only where its values in 16 bit do not fit into memory.
        memory: bytes that this process may hold in all; 0: what the machine has.

    Raises:
        ModelError: it cannot be loaded, or weights are missing.
    """
    with _loading(base):
        import torch

        from feedback_model.training.quantisation import keep_gradients_right, misshapen, nf4_config, spell_out

        dtype = getattr(torch, precision or choose_for(base, "float16", device)["used"])
        options = {"quantization_config": nf4_config(dtype)} if quantised else {}
        model, report = _from_pretrained(
            base, dtype=dtype, device_map={"": _place(device)}, output_loading_info=True, **options
        )
        _demand_complete(
            base, report["missing_keys"], [*(each[0] for each in report["mismatched_keys"]), *misshapen(model)]
        )
        if quantised and (in_4_bits is False or (in_4_bits is None and _fits_spelled_out(model, device, memory))):
            spell_out(model)
        keep_gradients_right(model)
    _decode_greedily(model)
    _fit_threads(model, device)
    _attend_without_plans(device)
    return model.eval()


def _place(device: str) -> str | int:
    """Name the device as transformers takes it: of several GPUs the one that this process was given."""
    import torch

    return torch.cuda.current_device() if device == "cuda" else device


def _from_pretrained(base: BaseModel, **options: Any) -> Any:
    from transformers import AutoModelForCausalLM

    # What does not fit is reported with its names, by `_demand_complete`.
    gguf_file = _gguf_file(base)
    source = {**_source(base), **gguf_file, "use_safetensors": True, "ignore_mismatched_sizes": True, **options}
    try:
        with no_bar_of_the_reader() if gguf_file else nullcontext():
            return AutoModelForCausalLM.from_pretrained(**source, attn_implementation="sdpa")
    except ValueError as error:
        if "scaled_dot_product_attention" not in str(error):
            raise
        return AutoModelForCausalLM.from_pretrained(**source, attn_implementation="eager")


def _demand_complete(base: BaseModel, missing: Collection[str], misshapen: Collection[str]) -> None:
    """Raise unless every weight was in the files: transformers fills the rest with random numbers and only warns."""
    if missing or misshapen:
        what = (
            f"lacks {len(missing)} of its weights, such as {min(missing)}"
            if missing
            else f"has weights of another shape than its config.json says, such as {min(misshapen)}"
        )
        raise ModelError(f"the base model {base.name} {what}; {_WAY_ON}")


def _fits_spelled_out(model: Any, device: str, memory: int) -> bool:
    values = model.dtype.itemsize * model.num_parameters()
    return free_memory(device, memory) > 2 * values  # as much is left for the work itself


def _decode_greedily(model: Any) -> None:
    # Published generation settings (sampling, repetition penalties) would fill in whatever `generate` is not told.
    from transformers import GenerationConfig

    eos = model.generation_config.eos_token_id if model.generation_config else model.config.eos_token_id
    model.generation_config = GenerationConfig(do_sample=False, num_beams=1, eos_token_id=eos)


def _fit_threads(model: Any, device: str) -> None:
    import torch

    if device == "cpu" and model.num_parameters() < SMALL_MODEL:
        torch.set_num_threads(1)


def _attend_without_plans(device: str) -> None:
    import torch

    # cuDNN plans for 0.1 s each new shape, and here every step of training and of decoding has one.
    if device == "cuda":
        torch.backends.cuda.enable_cudnn_sdp(False)


def _source(base: BaseModel) -> dict[str, Any]:
    source = {"pretrained_model_name_or_path": base.location, "trust_remote_code": False}
    folder = _folder(base)
    if folder is not None:
        return {**source, "pretrained_model_name_or_path": folder, "local_files_only": True}
    return {**source, "revision": base.revision}


def _gguf_file(base: BaseModel) -> dict[str, str]:
    """Name the file of an export that has its weights in GGUF alone; its tokenizer lies beside it as any other's."""
    folder = Path(base.location)
    found = None if any(folder.glob("*.safetensors")) else next(folder.glob("*.gguf"), None)
    return {} if found is None else {"gguf_file": found.name}


def _folder(base: BaseModel) -> str | None:
    """Return where the files of `base` lie on this machine; None where the hub must be asked for them."""
    if base.name in BUILT_HERE and base.location == base.name:
        return _built_folder(base)
    if Path(base.location).is_dir():
        # What goes by another name than its place is an export of ours, which its own record describes.
        return _unchanged_folder(base) if base.name == base.location else base.location
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


def _unchanged_folder(base: BaseModel) -> str:
    """Return the folder of `base`, if it holds what it held: an adapter would fit onto other weights, and say nonsense."""
    folder = Path(base.location)
    stats = ((file.name, file.stat()) for file in folder.iterdir() if file.is_file())
    found = _hash_of(folder, tuple(sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)))
    if found != base.revision:
        raise ModelError(
            f"the folder {folder} holds another base model now ({found[:8]}, and not {base.revision[:8]}); put back what was "
            "there, or run `feedback train` on what is there now"
        )
    return base.location


@lru_cache(maxsize=4)
def _hash_of(folder: Path, state: tuple[tuple[str, int, int], ...]) -> str:
    """Hash a folder's files again where their names, sizes or times have changed."""
    del state
    return hash_folder(folder)


@contextmanager
def _loading(base: BaseModel) -> Iterator[None]:
    try:
        with quiet_libraries():
            yield
    except FeedbackError:
        raise
    except Exception as error:  # what the loaders raise is not documented as a set
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"the base model {base.name} could not be loaded: {first_line.rstrip('.')}; {_WAY_ON}"
        ) from error


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
