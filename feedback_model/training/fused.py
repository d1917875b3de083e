"""Fused operations for training: the same numbers as the library's modules with fewer passes over memory.

On a CPU a training step spends most of its time moving activations, not multiplying. Each function here does by hand what
autograd would do in many small steps, and keeps for the backward pass only what it cannot compute again cheaply. `fuse` puts
them in place of a model's own modules, each only where it gives that module's numbers.
"""
# pyright: basic

from collections.abc import Callable
from types import MethodType
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

LOGIT_ROWS: Final = 128
"""Positions whose logits are held at once; at 50,000 tokens they take 25 MB, which the allocator still reuses."""
TOLERANCE: Final = 2e-2
"""Relative distance within which a module in 16 bit is its fused form; a wrong formula is off by far more."""


class LoraLinear(Function):
    """`x W' + bias + scaling (x A') B'` with a frozen `W` (Hu et al. 2021, arXiv 2106.09685); gradients for `x`, `A`, `B`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scaling: float
    ) -> Tensor:
        """Compute, and keep what going back needs."""
        flat, a_cast, b_cast = x.reshape(-1, x.shape[-1]), a.to(x.dtype), b.to(x.dtype)
        low = flat @ a_cast.T
        out = functional.linear(flat, weight, bias).addmm_(low, b_cast.T, alpha=scaling)
        ctx.save_for_backward(x, weight, a_cast, b_cast, low)
        ctx.scaling = scaling
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of each argument of `forward`."""
        x, weight, a, b, low = ctx.saved_tensors
        grad, flat = grads[0].reshape(-1, grads[0].shape[-1]), x.reshape(-1, x.shape[-1])
        grad_low = (grad @ b).mul_(ctx.scaling)
        grad_b = (grad.T @ low).float().mul_(ctx.scaling)
        grad_x = (grad @ weight).addmm_(grad_low, a).view(x.shape) if ctx.needs_input_grad[0] else None
        return grad_x, None, None, (grad_low.T @ flat).float(), grad_b, None


class RmsNorm(Function):
    """Root mean square normalisation (Zhang & Sennrich 2019, arXiv 1910.07467) with a frozen weight."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        """Compute, and keep what going back needs."""
        square = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32).square_()
        scale = square.div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return torch.mul(x, scale, out=torch.empty_like(x)).mul_(weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of each argument of `forward`."""
        x, weight, scale = ctx.saved_tensors
        grad = grads[0] * weight
        along = torch.linalg.vecdot(grad.float(), x.float()).unsqueeze(-1).mul_(scale.pow(3)).div_(-x.shape[-1])
        return torch.addcmul(grad * scale, x, along).to(x.dtype), None, None


class GatedSilu(Function):
    """`silu(gate) * up` (Shazeer 2020, arXiv 2002.05202)."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        """Compute, and keep what going back needs."""
        ctx.save_for_backward(gate, up)
        return functional.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradient of each argument of `forward`."""
        gate, up = ctx.saved_tensors
        grad_gate = torch.ops.aten.silu_backward(grads[0] * up, gate)
        return grad_gate, functional.silu(gate).mul_(grads[0])


class SupervisedLoss(Function):
    """Sum of cross-entropies in nats, with logits of a few rows at a time; their gradient is computed at once, not kept.

    After Hsu et al. 2024 (Liger, arXiv 2410.10989). `scale` is what the model multiplies its logits with; 1 for most.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, bias: Tensor | None, targets: Tensor, scale: float) -> Tensor:
        """Compute, and keep what going back needs."""
        total, grad = torch.zeros((), device=hidden.device), torch.empty_like(hidden)
        for start in range(0, len(hidden), LOGIT_ROWS):
            rows, wanted = slice(start, start + LOGIT_ROWS), targets[start : start + LOGIT_ROWS].unsqueeze(1)
            logits = functional.linear(hidden[rows], head, bias).float().mul_(scale)
            chances = torch.softmax(logits, -1)
            total -= chances.gather(1, wanted).log_().sum()
            chances.scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=chances.dtype)).mul_(scale)
            torch.mm(chances.to(hidden.dtype), head, out=grad[rows])
        ctx.save_for_backward(grad)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of each argument of `forward`."""
        (grad,) = ctx.saved_tensors
        return grad * grads[0].to(grad.dtype), None, None, None, None


def fuse(model: nn.Module) -> list[nn.Module]:
    """Let the modules of `model` compute by the functions above, each kind only if that gives its own numbers; returns these."""
    fused: list[nn.Module] = []
    for fits, forward in _FUSED:
        alike: dict[Any, bool] = {}
        for module in filter(fits, model.modules()):
            kind = (type(module), *(parameter.shape for parameter in module.parameters()))
            if kind not in alike:
                alike[kind] = _is_same(module, forward)
            if alike[kind]:
                module.forward = MethodType(forward, module)
                fused.append(module)
    return fused


def unfuse(modules: list[nn.Module]) -> None:
    """Let modules compute as they did before `fuse`."""
    for module in modules:
        del module.forward


def _is_lora_linear(module: Any) -> bool:
    from peft.tuners.lora.layer import Linear

    if type(module) is not Linear or module.active_adapters != ["default"] or module.lora_variant:
        return False
    return type(module.base_layer) is nn.Linear and isinstance(module.lora_dropout["default"], nn.Identity)


def _lora_linear(self: Any, x: Tensor) -> Tensor:
    layer, a, b = self.base_layer, self.lora_A["default"].weight, self.lora_B["default"].weight
    return LoraLinear.apply(x, layer.weight, layer.bias, a, b, self.scaling["default"])  # pyright: ignore[reportReturnType] - a Function returns tensors


def _rms_norm(self: Any, x: Tensor) -> Tensor:
    return RmsNorm.apply(x, self.weight, self.variance_epsilon)  # pyright: ignore[reportReturnType] - a Function returns tensors


def _gated_silu(self: Any, x: Tensor) -> Tensor:
    return self.down_proj(GatedSilu.apply(self.gate_proj(x), self.up_proj(x)))


_FUSED: Final[tuple[tuple[Callable[[Any], bool], Callable[..., Tensor]], ...]] = (
    (_is_lora_linear, _lora_linear),
    (lambda module: hasattr(module, "variance_epsilon") and hasattr(module, "weight"), _rms_norm),
    (
        lambda module: all(hasattr(module, name) for name in ("gate_proj", "up_proj", "down_proj", "act_fn")),
        _gated_silu,
    ),
)


@torch.no_grad()
def _is_same(module: Any, forward: Callable[..., Tensor]) -> bool:
    """Compare a module with its fused form on a few random rows."""
    weight = _first_weight(module)
    rows = torch.randn(4, weight.shape[-1], generator=torch.Generator().manual_seed(0)).to(weight)
    own, fused = module(rows).float(), forward(module, rows).float()
    return own.shape == fused.shape and bool((own - fused).norm() <= TOLERANCE * own.norm())


def _first_weight(module: Any) -> Tensor:
    """Return the weight that a module's input meets: of a norm or linear layer itself, or of the first one inside."""
    inner = getattr(module, "gate_proj", module)
    return getattr(inner, "base_layer", inner).weight
