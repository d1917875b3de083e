"""GGUF files of Llama (SmolLM2) and Qwen2 models, by the `gguf` library, as llama.cpp's own converter lays them out.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Tensors are written one at a time, so that a file takes no
memory beyond the model that it is made of.
"""
# pyright: basic

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from gguf import (
    GGML_QUANT_SIZES,
    GGML_QUANT_VERSION,
    MODEL_ARCH,
    MODEL_ARCH_NAMES,
    GGMLQuantizationType,
    GGUFWriter,
    LlamaFileType,
    TensorNameMap,
    get_tensor_name_map,
)
from gguf.quants import quant_shape_to_byte_shape, quantize

from feedback_model.errors import ModelError
from feedback_model.export.gguf_tokenizer import WAY_ON, write_tokenizer
from feedback_model.progress import track
from feedback_model.records.exports import Weights

FAMILIES: Final = {"llama": MODEL_ARCH.LLAMA, "qwen2": MODEL_ARCH.QWEN2}
"""Architectures by the name that transformers gives the family."""
_TYPES: Final[dict[Weights, tuple[GGMLQuantizationType, LlamaFileType]]] = {
    "f16": (GGMLQuantizationType.F16, LlamaFileType.MOSTLY_F16),
    "q8_0": (GGMLQuantizationType.Q8_0, LlamaFileType.MOSTLY_Q8_0),
}


class _Tensor(NamedTuple):
    name: str
    values: Any
    """As transformers holds them, a torch tensor."""
    kind: GGMLQuantizationType
    n_heads: int
    """Heads whose rows are put in llama.cpp's order; 0: none."""


def check_family(config: Any) -> None:
    """Refuse a model that would be written as something else than it is.

    Raises:
        ModelError: names what is not written.
    """
    rope = getattr(config, "rope_parameters", None) or {}
    refused = {
        f"models of the family {config.model_type}": config.model_type not in FAMILIES,
        f"the rope scaling {rope.get('rope_type')}": rope.get("rope_type", "default") != "default",
        "a sliding window": bool(getattr(config, "use_sliding_window", False)),
        f"the activation {config.hidden_act}": config.hidden_act != "silu",
    }
    for what in (what for what, applies in refused.items() if applies):
        raise ModelError(f"GGUF is written of {' and '.join(FAMILIES)} models, and {what} is beyond that; {WAY_ON}")


def write_gguf(model: Any, tokenizer: Any, path: Path, weights: Weights, name: str) -> None:
    """Write `model`, in float32, with its tokenizer into one GGUF file.

    Raises:
        ModelError: the family or the tokenizer is of a kind that is not written.
        OSError: the disk is full or refuses to write.
        Interrupted: a stop was requested.
    """
    check_family(model.config)
    kind, file_type = _TYPES[weights]
    architecture = FAMILIES[model.config.model_type]
    writer = GGUFWriter(None, MODEL_ARCH_NAMES[architecture])
    _write_shape(writer, model.config, name, file_type)
    write_tokenizer(writer, tokenizer, model.get_input_embeddings().num_embeddings)
    tensors = list(_list_tensors(model, get_tensor_name_map(architecture, model.config.num_hidden_layers), kind))
    for tensor in tensors:
        shape = quant_shape_to_byte_shape(tuple(tensor.values.shape), tensor.kind)
        n_bytes = int(np.prod(shape))
        writer.add_tensor_info(tensor.name, shape, np.dtype(np.uint8), n_bytes, raw_dtype=tensor.kind)
    try:
        writer.write_header_to_file(path)
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        _write_values(writer, tensors, weights)
    finally:
        writer.close()


def _write_values(writer: GGUFWriter, tensors: list[_Tensor], weights: Weights) -> None:
    tracker = track(f"write {weights}", len(tensors))
    for tensor in tensors:
        values = tensor.values.numpy()
        if tensor.n_heads:
            values = _pair_halves(values, tensor.n_heads)
        writer.write_tensor_data(np.ascontiguousarray(quantize(values, tensor.kind)))
        tracker.advance()


def _write_shape(writer: GGUFWriter, config: Any, name: str, file_type: LlamaFileType) -> None:
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_type("model")
    writer.add_name(name)
    writer.add_file_type(file_type)
    writer.add_quantization_version(GGML_QUANT_VERSION)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_rope_dimension_count(head_size)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)


def _list_tensors(model: Any, names: TensorNameMap, kind: GGMLQuantizationType) -> Iterator[_Tensor]:
    tied = model.config.tie_word_embeddings
    for own_name, values in model.state_dict().items():
        if tied and own_name == "lm_head.weight":  # llama.cpp takes the embedding where there is no output
            continue
        name = names.get_name(own_name, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise ModelError(f"the model's weight {own_name} has no name in GGUF; {WAY_ON}")
        yield _Tensor(name, values, _kind_of(values, kind), _heads_to_reorder(model.config, own_name))


def _kind_of(values: Any, kind: GGMLQuantizationType) -> GGMLQuantizationType:
    """Norms and biases stay in float32; a matrix whose rows do not divide into blocks is kept in 16 bits."""
    if values.ndim == 1:
        return GGMLQuantizationType.F32
    return kind if values.shape[-1] % GGML_QUANT_SIZES[kind][0] == 0 else GGMLQuantizationType.F16


def _heads_to_reorder(config: Any, own_name: str) -> int:
    if config.model_type != "llama":
        return 0
    if ".q_proj." in own_name:
        return config.num_attention_heads
    return config.num_key_value_heads if ".k_proj." in own_name else 0


def _pair_halves(values: Any, n_heads: int) -> Any:
    """Reorder the rows of each head: llama.cpp rotates neighbours, transformers the two halves (its NORM and NEOX ropes)."""
    rows = values.shape[0]
    return values.reshape(n_heads, 2, rows // n_heads // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
