"""Attention over examples that share one row: each sees the shared beginning and itself, causally, and no other.

Exact: the hidden states of a beginning do not depend on what follows it, so computing it once for several examples gives each
what it would get alone, and the gradients that flow back into it add up. Registered with transformers under `NAME`.
"""
# pyright: basic

from functools import lru_cache
from typing import Any, Final

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from feedback_model.training.branches import ancestors
from feedback_model.training.collate import Segment, Segments

NAME: Final = "shared_prefix"
_UNKNOWN = ("softcap", "s_aux", "position_bias")
"""Arguments of attentions that compute something else."""


def register() -> str:
    """Make the attention known to transformers and return its name."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, shared_prefix_attention)
    return NAME


def narrowest_window(causal: Any) -> int | None:
    """Tokens that the layer of a model that sees the fewest sees; None: all of them see all."""
    of_layers = [module.sliding_window for module in causal.modules() if hasattr(module, "sliding_window")]
    # The layers of some families look it up in their configuration.
    windows = of_layers or [getattr(causal.config.get_text_config(), "sliding_window", None)]
    return min((window for window in windows if window is not None), default=None)


def shared_prefix_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    segments: Segments,
    scaling: float,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attend within `segments`, in the form that transformers calls.

    Args:
        query: (1, heads, n, head size); key and value have (1, key heads, n, head size).

    Returns:
        (1, n, heads, head size)

    Raises:
        NotImplementedError: the model's attention is of another kind.
    """
    longest = segments.prefix + max((_width(part) for part in segments.parts), default=0)
    windowed = sliding_window is not None and sliding_window < longest
    if attention_mask is not None or dropout or windowed or any(others.get(name) is not None for name in _UNKNOWN):
        raise NotImplementedError(f"{type(module).__name__} attends in a way that cannot share a prefix")
    if query.is_cuda:
        return masked_attention(query, key, value, segments, scaling).transpose(1, 2), None
    out = SegmentAttention.apply(query[0], key[0], value[0], segments, scaling)
    return out.transpose(0, 1).unsqueeze(0), None  # pyright: ignore[reportAttributeAccessIssue] - a Function returns tensors


def masked_attention(query: Tensor, key: Tensor, value: Tensor, segments: Segments, scaling: float) -> Tensor:
    """Attend in one pass over the row under a mask: on a GPU the many small products of its segments would cost more.

    Args and returned value have the shapes of `shared_prefix_attention`'s, before its heads are moved.
    """
    groups = query.shape[1] // key.shape[1]
    # Kernels that take a mask share no key heads.
    repeated = (each.repeat_interleave(groups, 1) for each in (key, value))
    mask = _segment_mask(segments, query.shape[2], query.device, query.dtype)
    return functional.scaled_dot_product_attention(query, *repeated, attn_mask=mask, scale=scaling)


def _width(part: Segment) -> int:
    """Count the tokens behind the shared beginning that a part's last token may see."""
    return part.end - part.start + part.sees[1] - part.sees[0]


@lru_cache(maxsize=2)
def _segment_mask(segments: Segments, n: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(n, n) zeros, and minus infinity where a token does not see another; the layers of a pass share it."""
    causal = torch.ones(n, n, dtype=torch.bool, device=device).tril_()
    seen = causal.clone()
    seen[segments.prefix :, segments.prefix :] = False
    for part in segments.parts:
        own, size = slice(part.start, part.end), part.end - part.start
        inside = causal[:size, :size] if part.parents is None else ~_hidden_inside(part.parents, size).to(device)
        seen[own, own] = inside
        seen[own, slice(*part.sees)] = True
    return torch.zeros(n, n, dtype=dtype, device=device).masked_fill_(~seen, float("-inf"))


@lru_cache(maxsize=64)
def _hidden_inside(parents: tuple[int, ...] | None, n: int) -> Tensor:
    """(n, n) of which of its own tokens a token of a part must not see; kept for the layers of a pass."""
    return torch.ones(n, n, dtype=torch.bool).triu(1) if parents is None else ~ancestors(parents)


class SegmentAttention(Function):
    """Softmax attention, segment by segment; gradients by the formulas of Dao et al. 2022 (arXiv 2205.14135), appendix B.

    The probabilities are computed again going back. By hand because PyTorch's CPU kernel has a backward pass that takes nearly
    twice as long in bfloat16 as these products, and because slices of one row would each get a gradient of the whole row's size.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, segments: Segments, scaling: float) -> Tensor:
        """Compute, and keep what going back needs."""
        ctx.save_for_backward(query, key, value)
        ctx.segments, ctx.scaling = segments, scaling
        out = torch.empty_like(query)
        groups = query.shape[0] // key.shape[0]
        for rows, columns, mask in _pieces(segments, query):
            repeated = (_take(each, columns).repeat_interleave(groups, 0) for each in (key, value))
            out[:, rows] = functional.scaled_dot_product_attention(
                query[None, :, rows], *(each[None] for each in repeated), attn_mask=mask, scale=scaling
            )[0]
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of each argument of `forward`."""
        query, key, value = ctx.saved_tensors
        grad_query, grad_key, grad_value = (torch.zeros_like(each) for each in (query, key, value))
        for rows, columns, mask in _pieces(ctx.segments, query):
            of_query, of_key, of_value = _piece_gradients(
                grads[0][:, rows], query[:, rows], _take(key, columns), _take(value, columns), mask, ctx.scaling
            )
            grad_query[:, rows] = of_query
            for whole, part in ((grad_key, of_key), (grad_value, of_value)):
                _add(whole, columns, part)
        return grad_query, grad_key, grad_value, None, None


def _pieces(segments: Segments, like: Tensor) -> list[tuple[slice, tuple[slice, ...], Tensor]]:
    """Rows, the columns they see, and the additive mask between them: the prefix with itself, each part with all it sees."""
    prefix = slice(0, segments.prefix)
    pieces: list[tuple[slice, tuple[slice, ...], Tensor]] = []
    if segments.prefix:
        pieces.append((prefix, (prefix,), _additive_mask(None, segments.prefix, segments.prefix, like)))
    for part in segments.parts:
        own, seen = slice(part.start, part.end), slice(*part.sees)
        columns = tuple(each for each in (prefix, seen, own) if each.stop > each.start)
        width = sum(each.stop - each.start for each in columns)
        pieces.append((own, columns, _additive_mask(part.parents, part.end - part.start, width, like)))
    return pieces


def _additive_mask(parents: tuple[int, ...] | None, height: int, width: int, like: Tensor) -> Tensor:
    """(height, width) zeros, and minus infinity where a token does not see another of its part, the last columns."""
    mask = torch.zeros(height, width, dtype=like.dtype, device=like.device)
    mask[:, width - height :].masked_fill_(_hidden_inside(parents, height).to(like.device), float("-inf"))
    return mask


def _take(whole: Tensor, columns: tuple[slice, ...]) -> Tensor:
    return whole[:, columns[0]] if len(columns) == 1 else torch.cat([whole[:, each] for each in columns], 1)


def _add(whole: Tensor, columns: tuple[slice, ...], part: Tensor) -> None:
    at = 0
    for each in columns:
        width = each.stop - each.start
        whole[:, each] += part[:, at : at + width]
        at += width


def _piece_gradients(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scaling: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of one piece; query heads that share a key head are stacked as rows of one product."""
    heads, height, size = query.shape
    key_heads, width, _ = key.shape
    stacked = (key_heads, heads // key_heads * height, size)
    scaled, grad = (query * scaling).reshape(stacked), grad.reshape(stacked)
    scores = torch.bmm(scaled, key.transpose(1, 2))
    scores.view(key_heads, -1, height, width)[..., width - height :].add_(mask[:, width - height :])
    weights = torch.softmax(scores, -1)
    grad_value = torch.bmm(weights.transpose(1, 2), grad)
    grad_weights = torch.bmm(grad, value.transpose(1, 2))
    grad_scores = torch.ops.aten._softmax_backward_data(grad_weights, weights, -1, weights.dtype)
    grad_query = torch.bmm(grad_scores, key).mul_(scaling).view(query.shape)
    return grad_query, torch.bmm(grad_scores.transpose(1, 2), scaled), grad_value
