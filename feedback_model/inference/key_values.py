"""Keys and values of what was read, in slots behind a beginning that all chats share, and attention over them."""
# pyright: basic

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


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


@dataclass(frozen=True, slots=True)
class KeyValueAttention:
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
