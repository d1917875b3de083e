"""NF4: the quantisation of QLoRA (Dettmers et al. 2023, arXiv 2305.14314), held in 4 bits or spelled out in 16."""
# pyright: basic

import gc
from typing import Any

import torch
from torch import nn


def nf4_config(dtype: torch.dtype) -> Any:
    """Return the setting that makes transformers load a model in NF4 with double quantisation."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def keep_gradients_right(model: nn.Module) -> None:
    """Switch off a path of bitsandbytes that computes wrong gradients after an evaluation.

    On CPUs with AVX512-BF16 it repacks a layer in its first forward pass without gradients and computes wrong gradients from
    then on; this private switch keeps the layer as it is (a test compares gradients around an evaluation).
    """
    for _, layer in _nf4_layers(model):
        layer.support_avx512bf16_for_cpu = False


def misshapen(model: nn.Module) -> list[str]:
    """Name the NF4 weights whose files had another shape than their layer, which transformers takes without a word."""
    states = ((name, layer, getattr(layer.weight, "quant_state", None)) for name, layer in _nf4_layers(model))
    return [
        f"{name}.weight"
        for name, layer, state in states
        if state is not None and tuple(state.shape) != (layer.out_features, layer.in_features)  # None: not in the files
    ]


def spell_out(model: nn.Module) -> None:
    """Replace every NF4 layer by an ordinary one that holds the same values in its compute type.

    A product with an NF4 layer spells its weights out each time. Done once, it costs memory (2 bytes a weight in 16 bit) and
    saves time, on a CPU most.
    """
    from bitsandbytes.functional import dequantize_4bit

    for name, layer in _nf4_layers(model):
        values = dequantize_4bit(layer.weight.data, layer.weight.quant_state).to(layer.compute_dtype)
        plain = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
        plain.weight = nn.Parameter(values, requires_grad=False)
        plain.bias = layer.bias
        parent, _, own_name = name.rpartition(".")
        setattr(model.get_submodule(parent), own_name, plain)
    gc.collect()
    _forget_quantisation(model)


def _nf4_layers(model: nn.Module) -> list[tuple[str, Any]]:
    from bitsandbytes.nn.modules import Linear4bit

    return [(name, module) for name, module in model.named_modules() if isinstance(module, Linear4bit)]


def _forget_quantisation(model: Any) -> None:
    # PEFT asks these before it chooses which kind of adapter to put on a layer.
    for name in ("is_loaded_in_4bit", "is_quantized"):
        if getattr(model, name, False):
            setattr(model, name, False)
    model.quantization_method = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    if hasattr(model, "hf_quantizer"):
        model.hf_quantizer = None
