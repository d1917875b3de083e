"""The name that weights go by in tables: what they were when they were made. The views say the same in SQL."""

from typing import Final

UNAUGMENTED: Final = "unaugmented"  # the best epoch of the run that left the rewrites out, beside the run that did not


def role_of(epoch: int | None, *, quantised: bool) -> str:
    """`epoch-N` for an adapter, else `base-nf4` or `base`."""
    if epoch is not None:
        return f"epoch-{epoch}"
    return "base-nf4" if quantised else "base"


def model_order(model: str) -> tuple[int, int]:
    """Where a model stands in tables: base, base-nf4, the epochs in turn, unaugmented, champion."""
    if model.startswith("epoch-"):
        return (2, int(model.removeprefix("epoch-")))
    return ({"base": 0, "base-nf4": 1, UNAUGMENTED: 3}.get(model, 4), 0)
