"""The name that weights go by in tables: what they were when they were made. The views say the same in SQL."""


def role_of(epoch: int | None, *, quantised: bool) -> str:
    """`epoch-N` for an adapter, else `base-nf4` or `base`."""
    if epoch is not None:
        return f"epoch-{epoch}"
    return "base-nf4" if quantised else "base"


def model_order(model: str) -> tuple[int, int]:
    """Where a model stands in tables: base, base-nf4, the epochs in turn, champion."""
    if model.startswith("epoch-"):
        return (2, int(model.removeprefix("epoch-")))
    return ({"base": 0, "base-nf4": 1}.get(model, 3), 0)
