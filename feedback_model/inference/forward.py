"""A decoder's forward pass over a cache of keys and values, with what a step of generation needs and no more.

The library's own pass is made of small modules, each of which asks the machine for little. Here projections of one input are
one product, and keys and values are written into buffers that stand. `fused_forward` takes this way only where it gives the
model's own logits.
"""
# pyright: basic

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from feedback_model.inference.key_values import KeyValueAttention, KeyValueCache
from feedback_model.inference.projections import Projection, linear_of
from feedback_model.training.attention import narrowest_window

TOLERANCE: Final = {torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 2e-2}
"""Relative distance of two rows of logits by which they count as the same, by compute type."""
PROBE: Final = 12
"""Tokens of the pass on which the two are compared."""


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
        self.reads = narrowest_window(causal)
        """Tokens of a chat within which every token sees all before it; None: however many."""

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
            attend = KeyValueAttention(cache.keys[at], cache.values[at], prefix, mask, self.scaling)
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
            linear_of(each).out_features // head_size for each in (attention.q_proj, attention.k_proj)
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
        attention: KeyValueAttention,
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


def fused_forward(causal: Any) -> FusedForward | None:
    """Return the fast forward pass of a model, with the adapters that lie on it; None where it is not the model's own."""
    try:
        found = FusedForward(causal)
        found.use_adapters(causal)
        return found if agrees(found, causal) else None
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError):  # from modules of another kind
        return None


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
