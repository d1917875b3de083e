"""A decoder's forward pass over a cache of keys and values, with what a step of generation needs and no more.

The library's own pass is made of small modules, each of which asks the machine for little. Here projections of one input are
one product, weights lie as the processor multiplies them, and keys and values are written into buffers that stand. Adapters stay
beside the weights they belong to, so a model is asked as it was trained, not as rounding its merged weights would have it.
`fused_forward` takes this way only where it gives the model's own logits.
"""
# pyright: basic

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

TOLERANCE: Final = {torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 2e-2}
"""Relative distance of two rows of logits by which they count as the same, by compute type."""
PROBE: Final = 12
"""Tokens of the pass on which the two are compared."""


@dataclass(frozen=True, slots=True)
class KeyValueCache:
    """Keys and values of some chats in slots, behind a beginning that all of them share.

    Which slot holds which token is the caller's affair.
    """

    keys: list[Tensor]
    """(rows, slots, key heads, head size) of each layer"""
    values: list[Tensor]
    prefix: "KeyValueCache | None" = None
    """Of one row, all of whose slots every token sees; kept once for all rows."""

    @property
    def slots(self) -> int:
        """Tokens for which a row has room."""
        return self.keys[0].shape[1]

    def rows(self, kept: Tensor) -> "KeyValueCache":
        """Return a cache of some rows."""
        return KeyValueCache([each[kept] for each in self.keys], [each[kept] for each in self.values], self.prefix)

    def copy_row(self, row: int, other: "KeyValueCache", source: int, used: int) -> None:
        """Take over the first `used` slots of a row of `other`."""
        for own, others in ((self.keys, other.keys), (self.values, other.values)):
            for mine, theirs in zip(own, others, strict=True):
                mine[row, :used] = theirs[source, :used]


class FusedForward:
    """Forward pass of a Llama-like decoder: RMS norms, rotary positions, grouped heads, gated units."""

    def __init__(self, causal: Any) -> None:
        decoder = causal.get_decoder()
        attention = decoder.layers[0].self_attn
        self.device, self.dtype = causal.device, causal.get_input_embeddings().weight.dtype
        self.head_size, self.scaling = attention.head_dim, attention.scaling
        self._embedding, self._rotary = decoder.embed_tokens, decoder.rotary_emb
        self._layers = [_Layer(layer, self.head_size) for layer in decoder.layers]
        self._norm = _Norm(decoder.norm)
        self._head = Projection([causal.get_output_embeddings()])
        self._head_weight = causal.get_output_embeddings().weight

    def use_adapters(self, causal: Any) -> None:
        """Compute with the adapters that lie on the layers of `causal` now, or without any."""
        for own, layer in zip(self._layers, causal.get_decoder().layers, strict=True):
            for projection, modules in own.sources(layer):
                projection.use_adapters(modules)

    def new_cache(self, rows: int, slots: int, prefix: KeyValueCache | None = None) -> KeyValueCache:
        """Return room for `slots` tokens of each of `rows` chats, not counting those of `prefix`."""
        shape = (rows, slots, self._layers[0].key_heads, self.head_size)
        # Zeros, since what no token sees is still multiplied, with nothing.
        keys, values = (
            [torch.zeros(shape, dtype=self.dtype, device=self.device) for _ in self._layers] for _ in range(2)
        )
        return KeyValueCache(keys, values, prefix)

    @property
    def bytes_per_slot(self) -> int:
        """Bytes that a token takes in a cache."""
        layer = self._layers[0]
        return 2 * len(self._layers) * layer.key_heads * self.head_size * self.dtype.itemsize

    def __call__(
        self,
        cache: KeyValueCache,
        ids: Tensor,
        positions: Tensor,
        slots: Tensor,
        visible: Tensor,
    ) -> Tensor:
        """Read tokens into their slots.

        Args:
            ids: (rows, n) tokens; positions: (rows, n) their places in their chats; slots: (rows, n) where they go.
            visible: (rows, n, used) of which token sees which of the first `used` slots, itself included; the shared beginning
                is seen by all.

        Returns:
            (rows, n, hidden size) the states from which the next tokens follow
        """
        rows = torch.arange(len(ids), device=ids.device).unsqueeze(1)
        hidden = self._embedding(ids)
        turn = self._rotary(hidden, positions)
        mask = self._mask(visible)
        for at, layer in enumerate(self._layers):
            prefix = (cache.prefix.keys[at], cache.prefix.values[at]) if cache.prefix else None
            attend = _Attention(cache.keys[at], cache.values[at], prefix, mask, self.scaling)
            hidden = layer(hidden, turn, (rows, slots), attend)
        return self._norm(hidden)

    def _mask(self, visible: Tensor) -> Tensor:
        """(rows, 1, heads of a group x n, used) to be added to what the attention weighs."""
        rows, n, used = visible.shape
        groups = self._layers[0].heads // self._layers[0].key_heads
        hidden = torch.zeros(visible.shape, dtype=self.dtype, device=visible.device)
        hidden.masked_fill_(~visible, float("-inf"))
        return hidden.unsqueeze(1).expand(rows, groups, n, used).reshape(rows, 1, groups * n, used)

    def logits(self, hidden: Tensor) -> Tensor:
        """(n, vocabulary) of states (n, hidden size), up to what the model multiplies all of them with."""
        return self._head(hidden)

    def most_likely(self, hidden: Tensor) -> Tensor:
        """(n,) tokens that follow states (n, hidden size), the first of equals."""
        return self.logits(hidden).max(-1).indices  # argmax takes five times as long in bfloat16

    def logits_of(self, hidden: Tensor, tokens: Tensor) -> Tensor:
        """(n, tokens) in float32, of some tokens alone."""
        return functional.linear(hidden.float(), self._head_weight[tokens].float())


class Projection:
    """Linear layers that read the same input, as one product; their adapters beside it."""

    def __init__(self, modules: Sequence[Any]) -> None:
        linears = [_linear(module) for module in modules]
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


def _linear(module: Any) -> nn.Linear:
    linear = getattr(module, "base_layer", module)
    if type(linear) is not nn.Linear:
        raise NotImplementedError(f"{type(linear).__name__} is no plain linear layer")
    return linear


def _adapter(module: Any) -> tuple[Tensor, Tensor] | None:
    """Down (inputs, rank) and up (rank, outputs) of a layer's adapter, scaled; in the type that it is trained in."""
    if not hasattr(module, "lora_A") or "default" not in module.lora_A:
        return None
    dtype = _linear(module).weight.dtype
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
        same = (packed(rows).float() - expected).norm() <= TOLERANCE[weight.dtype] * expected.norm()
    except (AttributeError, RuntimeError, TypeError):  # operators of the compiler's own: a release may change them
        return plain
    return packed if same else plain


class _Norm:
    """Root mean square normalisation (Zhang & Sennrich 2019, arXiv 1910.07467)."""

    def __init__(self, module: Any) -> None:
        self._weight, self._epsilon = module.weight.detach(), module.variance_epsilon

    def __call__(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, self._weight.shape, self._weight, self._epsilon)


class _Layer:
    """One layer of the decoder."""

    def __init__(self, layer: Any, head_size: int) -> None:
        attention, gated = layer.self_attn, layer.mlp
        self._before, self._between = _Norm(layer.input_layernorm), _Norm(layer.post_attention_layernorm)
        self._norms = [_Norm(each) for name in ("q_norm", "k_norm") if (each := getattr(attention, name, None))]
        self._qkv = Projection([attention.q_proj, attention.k_proj, attention.v_proj])
        self._out, self._down = Projection([attention.o_proj]), Projection([gated.down_proj])
        self._gated = Projection([gated.gate_proj, gated.up_proj])
        self._act = gated.act_fn
        self.heads, self.key_heads = (
            _linear(each).out_features // head_size for each in (attention.q_proj, attention.k_proj)
        )
        self._head_size = head_size

    def sources(self, layer: Any) -> list[tuple[Projection, list[Any]]]:
        """Return the projections beside the library's modules that they stand for."""
        attention, gated = layer.self_attn, layer.mlp
        return [
            (self._qkv, [attention.q_proj, attention.k_proj, attention.v_proj]),
            (self._out, [attention.o_proj]),
            (self._gated, [gated.gate_proj, gated.up_proj]),
            (self._down, [gated.down_proj]),
        ]

    def __call__(
        self,
        hidden: Tensor,
        turn: tuple[Tensor, Tensor],
        places: tuple[Tensor, Tensor],
        attention: "_Attention",
    ) -> Tensor:
        rows, n, size = hidden.shape
        qkv = self._qkv(self._before(hidden).view(-1, size)).view(rows, n, -1, self._head_size)
        query, key, value = qkv.split([self.heads, self.key_heads, self.key_heads], 2)
        if self._norms:
            query, key = self._norms[0](query), self._norms[1](key)
        attention.keys[places], attention.values[places] = _rotate(key, turn), value
        hidden = hidden + self._out(attention(_rotate(query, turn))).view(rows, n, size)
        gate, up = self._gated(self._between(hidden).view(-1, size)).chunk(2, -1)
        return hidden + self._down(self._act(gate).mul_(up)).view(rows, n, size)


def _rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions (Su et al. 2021, arXiv 2104.09864) of x (rows, n, heads, size)."""
    cosine, sine = (each.unsqueeze(2) for each in turn)
    one, other = x.chunk(2, -1)
    return torch.addcmul(x * cosine, torch.cat((-other, one), -1), sine)


@dataclass(frozen=True, slots=True)
class _Attention:
    """Softmax attention of one layer over its slots and the shared beginning; heads that share a key are rows of one product."""

    keys: Tensor
    values: Tensor
    prefix: tuple[Tensor, Tensor] | None
    mask: Tensor
    scaling: float

    def __call__(self, query: Tensor) -> Tensor:
        """(rows x n, heads x size) of query (rows, n, heads, size)."""
        rows, n, heads, size = query.shape
        used, key_heads = self.mask.shape[-1], self.keys.shape[2]
        folded = query.view(rows, n, key_heads, -1, size).permute(0, 2, 3, 1, 4).reshape(rows, key_heads, -1, size)
        own = [each[:, :used].transpose(1, 2) for each in (self.keys, self.values)]
        found = self._attend(folded, *own) if self.prefix is None else self._beside(self.prefix, folded, *own)
        return found.view(rows, key_heads, -1, n, size).permute(0, 3, 1, 2, 4).reshape(rows * n, heads * size)

    def _attend(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(query, keys, values, attn_mask=self.mask, scale=self.scaling)

    def _beside(self, prefix: tuple[Tensor, Tensor], query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend to the beginning once for all rows, to the rest row by row, and join the two.

        By their sums of exponentials, as blocks are joined in Dao et al. 2022 (arXiv 2205.14135).
        """
        shared = [each.transpose(1, 2) for each in prefix]
        if query.device.type != "cpu":
            return self._attend_joined(query, keys, values, shared)
        together = query.transpose(0, 1).reshape(1, query.shape[1], -1, query.shape[3])
        ahead, ahead_sum = _flash(together, shared[0], shared[1], None, self.scaling)
        found, own_sum = _flash(query, keys, values, self.mask, self.scaling)
        ahead = ahead.view(query.shape[1], query.shape[0], *query.shape[2:]).transpose(0, 1)
        ahead_sum = ahead_sum.view(query.shape[1], query.shape[0], -1).transpose(0, 1)
        share = torch.sigmoid(own_sum - ahead_sum).unsqueeze(-1).to(found.dtype)
        return torch.lerp(ahead, found, share)

    def _attend_joined(self, query: Tensor, keys: Tensor, values: Tensor, shared: Sequence[Tensor]) -> Tensor:
        joined = (
            torch.cat([ahead.expand(len(query), -1, -1, -1), own], 2)
            for ahead, own in zip(shared, (keys, values), strict=True)
        )
        mask = functional.pad(self.mask, (shared[0].shape[2], 0))
        return functional.scaled_dot_product_attention(query, *joined, attn_mask=mask, scale=self.scaling)


def _flash(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, scaling: float) -> tuple[Tensor, Tensor]:
    """Attention, and the logarithms of the sums of what was weighed, (rows, heads, n)."""
    return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, keys, values, 0.0, False, attn_mask=mask, scale=scaling
    )


def fused_forward(causal: Any) -> FusedForward | None:
    """Return the fast forward pass of a model, with the adapters that lie on it; None where it is not the model's own."""
    try:
        found = FusedForward(causal)
        found.use_adapters(causal)
        return found if agrees(found, causal) else None
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return None  # whatever modules of another kind raise


@torch.inference_mode()
def agrees(forward: FusedForward, causal: Any) -> bool:
    """Tell whether a forward pass gives a model's own logits of a few tokens, the first of them in a shared beginning."""
    ids = torch.arange(1, PROBE + 1, device=causal.device).unsqueeze(0) * 37 % causal.config.vocab_size
    own = causal(input_ids=ids, use_cache=False).logits[0].float().log_softmax(-1)
    prefix = read_prefix(forward, ids[0, : PROBE // 2].tolist())
    places = torch.arange(PROBE - PROBE // 2, device=causal.device).unsqueeze(0)
    seen = torch.ones(1, places.shape[1], places.shape[1], dtype=torch.bool, device=causal.device).tril()
    cache = forward.new_cache(1, places.shape[1], prefix)
    hidden = forward(cache, ids[:, PROBE // 2 :], places + PROBE // 2, places, seen)
    apart = own[PROBE // 2 :] - forward.logits(hidden[0]).float().log_softmax(-1)
    return bool(apart.norm() <= TOLERANCE[forward.dtype] * own[PROBE // 2 :].norm())


def read_prefix(forward: FusedForward, ids: Sequence[int]) -> KeyValueCache | None:
    """Read tokens that every chat begins with, as a beginning to share; None of none."""
    if not ids:
        return None
    places = torch.arange(len(ids), device=forward.device).unsqueeze(0)
    seen = torch.ones(1, len(ids), len(ids), dtype=torch.bool, device=forward.device).tril()
    cache = forward.new_cache(1, len(ids))
    with torch.inference_mode():
        forward(cache, torch.tensor([list(ids)], device=forward.device), places, places, seen)
    return cache
