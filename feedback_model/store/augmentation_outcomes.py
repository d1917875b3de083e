"""What became of rewrites and what they cost, as the view `augmentation_outcomes` counts it, and what a question takes.

Knows nothing of plans.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from feedback_model.records import LabelSet
from feedback_model.store.connection import Store
from feedback_model.store.ledger import chunks
from feedback_model.store.reading import select_rows
from feedback_model.store.tables import transcript

_OF_LABEL_SET = """
SELECT trait, target_score, ordered, accepted, missed_target, near_duplicate, unusable, pending, cost_usd
FROM augmentation_outcomes
WHERE label_model = :label_model AND prompt_version = :prompt_version
ORDER BY trait, target_score
"""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the rewrites ordered towards one level, or towards all."""

    ordered: int
    accepted: int
    missed_target: int
    near_duplicate: int
    unusable: int
    pending: int
    """Ordered, and without a verdict yet."""
    cost_usd: float | None
    """Rewrites and blind labels; None where a price is unknown."""

    @property
    def settled(self) -> int:
        """Those with a verdict."""
        return self.ordered - self.pending

    @property
    def cost_per_accepted_usd(self) -> float | None:
        """None where none was accepted or a price is unknown."""
        return None if self.cost_usd is None or not self.accepted else self.cost_usd / self.accepted


def outcomes_by_level(store: Store, rewrite_set: LabelSet) -> dict[tuple[str, int], Outcomes]:
    """By trait and target score; levels that nothing was ordered for are missing."""
    names = {"label_model": rewrite_set.label_model, "prompt_version": rewrite_set.prompt_version}
    rows = select_rows(store, _OF_LABEL_SET, **names)
    return {(row["trait"], row["target_score"]): _outcomes(row) for row in rows}


def _outcomes(row: dict[str, object]) -> Outcomes:
    return Outcomes(**{name: row[name] for name in Outcomes.__dataclass_fields__})  # type: ignore[arg-type]  # our view


def add_outcomes(by_level: dict[tuple[str, int], Outcomes]) -> Outcomes:
    """Of all levels together; the cost is unknown where that of one is."""
    levels = list(by_level.values())
    counts = [name for name in Outcomes.__dataclass_fields__ if name != "cost_usd"]
    costs = [each.cost_usd for each in levels]
    known = [cost for cost in costs if cost is not None]
    return Outcomes(
        **{name: sum(getattr(each, name) for each in levels) for name in counts},
        cost_usd=sum(known) if len(known) == len(costs) else None,
    )


def text_lengths(store: Store, ids: Iterable[str]) -> dict[str, int]:
    """Characters of each transcript's text."""
    found: dict[str, int] = {}
    columns = select(transcript.c.transcript_id, func.length(transcript.c.text))
    with store.read() as connection:
        for some in chunks(ids):
            rows: Sequence[tuple[str, int]] = connection.execute(
                columns.where(transcript.c.transcript_id.in_(some))
            ).all()  # type: ignore[assignment]  # rows are tuples
            found.update(dict(rows))
    return found
