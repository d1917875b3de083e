"""Linear layers for generation: those of one input as one product, the adapters beside it.

Weights are laid out once as the processor multiplies them. Adapters are not merged into them, so a model is asked as it was
trained and not as rounding its merged weights would have it.
"""
# pyright: basic

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

SAME: Final = 1e-2
"""Relative distance of two products in bfloat16 by which they count as the same."""


class Projection:
    """Linear layers that read the same input, as one product; their adapters beside it."""

    def __init__(self, modules: Sequence[Any]) -> None:
        linears = [linear_of(module) for module in modules]
        self._sizes = [linear.out_features for linear in linears]
        biases = [linear.bias for linear in linears]
        bias = None if biases[0] is None else torch.cat([each.detach() for each in biases])
        weight = linears[0].weight if len(linears) == 1 else torch.cat([linear.weight for linear in linears])
        self._multiply = _packed(weight.detach(), bias)
        self._low: tuple[Tensor, Tensor] | None = None

    def use_adapters(self, modules: Sequence[Any]) -> None:
        """Take the adapters of `modules`; none where they have none."""
        parts = [_adapter(module) for module in modules]
        self._low = None if all(part is None for part in parts) else _stacked(parts, self._sizes)

    def __call__(self, x: Tensor) -> Tensor:
        """(n, outputs) of x (n, inputs)."""
        out = self._multiply(x)
        if self._low is not None:
            out.addmm_(x @ self._low[0], self._low[1])
        return out


def linear_of(module: Any) -> nn.Linear:
    """Return the linear layer that a module is, or that its adapter lies on.

    Raises:
        NotImplementedError: it is of another kind, such as one in 4 bits.
    """
    linear = getattr(module, "base_layer", module)
    if type(linear) is not nn.Linear:
        raise NotImplementedError(f"{type(linear).__name__} is no plain linear layer")
    return linear


def _adapter(module: Any) -> tuple[Tensor, Tensor] | None:
    """Down (inputs, rank) and up (rank, outputs) of a layer's adapter, scaled; in the type that it is trained in."""
    if not hasattr(module, "lora_A") or "default" not in module.lora_A:
        return None
    dtype = linear_of(module).weight.dtype
    down, up = (part["default"].weight.detach().to(dtype) for part in (module.lora_A, module.lora_B))
    return down.T, up.T * module.scaling["default"]


def _stacked(parts: Sequence[tuple[Tensor, Tensor] | None], sizes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """One pair for several layers: their downs beside each other, their ups on a diagonal."""
    known = [part for part in parts if part is not None]
    like = known[0][0]
    ups = [like.new_zeros(0, size) if part is None else part[1] for part, size in zip(parts, sizes, strict=True)]
    return torch.cat([down for down, _ in known], 1).contiguous(), torch.block_diag(*ups).contiguous()


def _packed(weight: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    """Return the product with a weight, which is laid out once as oneDNN multiplies it where that is known to be right.

    PyTorch's compiler does the same to frozen weights; without it each product of a few rows would lay them out anew.
    """

    def plain(x: Tensor) -> Tensor:
        return functional.linear(x, weight, bias)

    if weight.device.type != "cpu" or weight.dtype != torch.bfloat16:
        return plain
    try:
        laid_out = torch.ops.mkldnn._reorder_linear_weight(weight, None)

        def packed(x: Tensor) -> Tensor:
            return torch.ops.mkldnn._linear_pointwise(x, laid_out, bias, "none", [], "")

        rows = torch.linspace(-1, 1, 3 * weight.shape[1], dtype=weight.dtype).view(3, -1)
        expected = plain(rows).float()
        same = (packed(rows).float() - expected).norm() <= SAME * expected.norm()
    except (AttributeError, RuntimeError, TypeError):  # operators of the compiler's own: a release may change them
        return plain
    return packed if same else plain
