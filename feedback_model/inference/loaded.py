"""Models ready to be asked. The last base stays loaded, and adapters are swapped on it: five models, two loads."""
# pyright: basic

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feedback_model.errors import ModelError
from feedback_model.records.training import BaseModel, Checkpoint, ModelVersion, Variant
from feedback_model.training.checkpoints import verified_folder
from feedback_model.training.loading import device_name, load_model, load_tokenizer, quiet_libraries
from feedback_model.training.memory import return_freed_memory

if TYPE_CHECKING:
    from feedback_model.inference.forward import FusedForward


@dataclass
class _LoadedBase:
    """A base model in memory, with whatever adapter was asked for last."""

    model: Any
    tokenizer: Any
    adapter_sha: str | None = None
    forward: "FusedForward | None" = None
    """Its fast forward pass, once it was asked for."""
    is_fused: bool = True
    """False once it is known that there is none."""


_last: dict[tuple[str, bool], _LoadedBase] = {}


def load_version(home: Path, model: ModelVersion) -> tuple[Any, Any]:
    """Return the weights of `model` and its tokenizer, ready to generate.

    Raises:
        ModelError: the base or its adapter cannot be loaded.
    """
    base = _base_of(model)
    adapter = model.checkpoint if model.variant is None else None  # merged into a variant's weights
    if adapter is None:
        _remove_adapter(base)
    elif base.adapter_sha != adapter.adapter_sha:
        _put_adapter(base, home, adapter)
    return base.model, base.tokenizer


def _base_of(model: ModelVersion) -> _LoadedBase:
    if model.variant is None:
        return _base(model.base, model.quantised)
    return _base(_held_by(model, model.variant), quantised=False)


def _held_by(model: ModelVersion, variant: Variant) -> BaseModel:
    """Return a variant as the base model that its folder holds, adapter and all."""
    if not variant.folder:
        raise ModelError(
            f"{model.name} is an export, which is asked where it lies and not from here; `feedback export` makes and measures "
            "it again"
        )
    return BaseModel(model.name, variant.folder, variant.weights_sha, model.base.stand_in)


def load_forward(home: Path, model: ModelVersion) -> tuple["FusedForward | None", Any, Any]:
    """Return the fast forward pass of `model`, or None where it computes in a way of its own; its weights, and its tokenizer.

    Raises:
        ModelError: the base or its adapter cannot be loaded.
    """
    from feedback_model.inference.forward import agrees, fused_forward

    weights, tokenizer = load_version(home, model)
    base = _base_of(model)
    causal = weights.get_base_model() if base.adapter_sha else weights
    if base.forward is None and base.is_fused:
        base.forward = fused_forward(causal)
    elif base.forward is not None:
        base.forward.use_adapters(causal)
    base.is_fused = base.forward is not None and agrees(base.forward, causal)
    return base.forward if base.is_fused else None, weights, tokenizer


def unload() -> None:
    """Free the memory of the last base."""
    if _last:
        _last.clear()
        return_freed_memory()


def _base(base: BaseModel, quantised: bool) -> _LoadedBase:
    key = (base.revision, quantised)
    if key not in _last:
        unload()  # before loading: two bases need not fit together
        model = load_model(base, quantised, device_name())
        _last[key] = _LoadedBase(model, load_tokenizer(base))
    return _last[key]


def _remove_adapter(base: _LoadedBase) -> None:
    if base.adapter_sha is not None:
        base.model = base.model.unload()  # PEFT takes its layers out and gives back the model it was put on
        base.adapter_sha = None


def _put_adapter(base: _LoadedBase, home: Path, checkpoint: Checkpoint) -> None:
    folder = verified_folder(home, checkpoint)
    _remove_adapter(base)
    try:
        with quiet_libraries():
            from peft import PeftModel

            base.model = PeftModel.from_pretrained(base.model, str(folder)).eval()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        unload()
        reason = "its weights have other shapes, as another model's have" if "size mismatch" in str(error) else error
        raise ModelError(
            f"the adapter in {folder} cannot be put on its base: {reason}; run `feedback train --again`"
        ) from error
    base.adapter_sha = checkpoint.adapter_sha
