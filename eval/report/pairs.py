"""Pairs of models: the comparisons a report shows, and the order of its models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.promotion.decide import UNTRAINED
from eval.report.data import Row
from feedback_model.records.training import model_order

Pairs = Mapping[tuple[str, str], Row]


@dataclass(frozen=True, slots=True)
class ComparedModel:
    """One model with the comparisons of every other model against it."""

    model: str
    role: str
    """Reason why the others are compared with it, in words for readers."""
    rows: tuple[Row, ...]
    """Penalised comparisons, the other models in the order of the table."""


@dataclass(frozen=True, slots=True)
class Rank:
    """Model in the order of penalised MSE."""

    summary: Row
    after: Row | None
    """Its comparison with the model that comes next; None for the last."""


def pairs_under(comparisons: Sequence[Row], measure: str) -> Pairs:
    """Select the comparisons under one measure, by model and other."""
    return {(str(row["model"]), str(row["other"])): row for row in comparisons if row["measure"] == measure}


def incumbent(models: Sequence[str], lineage: Sequence[Row], decision: Row | None) -> str | None:
    """Find the model that the best epoch would replace: the champion of the decision, else what training started from."""
    champion = None if decision is None else decision["champion_id"]
    champions = [str(row["model"]) for row in lineage if champion is not None and row["model_id"] == champion]
    if champions:
        return "champion" if "champion" in champions else champions[0]
    return next((name for name in UNTRAINED if name in models), None)


def list_compared_models(pairs: Pairs, models: Sequence[str], best: str | None) -> tuple[ComparedModel, ...]:
    """List the comparisons against what training started from, the best epoch and the champion, where there are these."""
    start = next((name for name in UNTRAINED if name in models), None)
    roles = {
        start: "before training",
        best: "the best epoch",
        "champion" if "champion" in models else None: "the champion",
    }
    listed = [ComparedModel(model, role, _against(pairs, models, model)) for model, role in roles.items() if model]
    return tuple(compared for compared in listed if compared.rows)


def _against(pairs: Pairs, models: Sequence[str], other: str) -> tuple[Row, ...]:
    return tuple(pairs[model, other] for model in sorted(models, key=model_order) if (model, other) in pairs)


def rank(summaries: Sequence[Row], pairs: Pairs) -> tuple[Rank, ...]:
    """Rank models by penalised MSE, each beside its comparison with the next."""
    known = [row for row in summaries if row["mse_penalised"] is not None]
    order = sorted(known, key=lambda row: (float(row["mse_penalised"] or 0), model_order(str(row["model"]))))
    following = [*[str(row["model"]) for row in order[1:]], ""]
    return tuple(Rank(row, pairs.get((str(row["model"]), after))) for row, after in zip(order, following, strict=True))
