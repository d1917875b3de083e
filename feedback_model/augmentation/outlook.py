"""What augmentation would make, from which real transcripts, and what that would cost, before anything is bought."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from feedback_model.augmentation.augment import plan_next
from feedback_model.augmentation.plan import MAX_SHARE, Cell, count_scores
from feedback_model.errors import MissingStage
from feedback_model.labelling.allowance import ENOUGH
from feedback_model.labelling.forecast import USUAL_OUTPUT
from feedback_model.labelling.prices import Usage, cost_of
from feedback_model.prompts import prompt_version
from feedback_model.records import LabelSet
from feedback_model.store import augmentations, ledger
from feedback_model.store.connection import Store

USUAL_HITS: Final = 0.5  # of rewrites, before any were judged; a guess, and said to be one
USUAL_TOKENS: Final = {"rewrite": (700, 400), "relabel": (800, USUAL_OUTPUT)}  # in and out, of a text of 250 words


@dataclass(frozen=True, slots=True)
class Outlook:
    """The plan of one label set."""

    histogram: Mapping[str, Mapping[int, int]]
    """Real train transcripts by trait and score."""
    enough: int
    cells: tuple[Cell, ...]
    parents: Mapping[str, Mapping[int, int]]
    """Present scores of the parents, by `trait score` that they are to be rewritten to."""
    n_rewrites: int
    """To order now."""
    hit_rate: float
    """Share of rewrites that hit their target."""
    hit_rate_measured: bool
    cost_usd: float | None
    """Of filling what is to be made, those that miss included; None where the price is unknown."""

    def parents_of(self, cell: Cell) -> str:
        """`3 x 4, 1 x 5`: how many parents have which score now."""
        found = self.parents.get(f"{cell.trait} {cell.score}", {})
        return ", ".join(f"{n} x {score}" for score, n in sorted(found.items()))


def outlook(store: Store, label_set: LabelSet, *, max_share: float = MAX_SHARE, seed: int = 0) -> Outlook:
    """What would be made next.

    Raises:
        MissingStage: no train transcript has a label of this label set.
    """
    real = {
        each.transcript_id: each.scores
        for each in augmentations.scored_train(store, label_set)
        if each.origin == "real"
    }
    if not real:
        raise MissingStage(f"no train transcript is labelled by {label_set.label_model}; run `feedback label` first")
    plan = plan_next(store, label_set, max_share=max_share, seed=seed)
    parents: dict[str, Counter[int]] = {}
    for parent, trait, score in plan.rewrites:
        parents.setdefault(f"{trait} {score}", Counter())[real[parent][trait]] += 1
    hits, measured = _hit_rate(store, label_set)
    each = _cost_of_one(store, label_set)
    return Outlook(
        histogram=count_scores(list(real.values())),
        enough=plan.enough,
        cells=plan.cells,
        parents=parents,
        n_rewrites=plan.total,
        hit_rate=hits,
        hit_rate_measured=measured,
        cost_usd=None if each is None else each * plan.total / hits,
    )


def _hit_rate(store: Store, label_set: LabelSet) -> tuple[float, bool]:
    rewrite_set = LabelSet(label_set.label_model, prompt_version("rewrite"))
    outcomes = Counter(each.outcome for each in augmentations.rewrites(store, rewrite_set) if each.outcome != "pending")
    judged = outcomes.total()
    if judged < ENOUGH or not outcomes["accepted"]:
        return USUAL_HITS, False
    return outcomes["accepted"] / judged, True


def _cost_of_one(store: Store, label_set: LabelSet) -> float | None:
    """USD of one rewrite and the blind label of its text."""
    rewrite_set = LabelSet(label_set.label_model, prompt_version("rewrite"))
    parts = []
    for purpose, asked_of in (("rewrite", rewrite_set), ("relabel", label_set)):
        known = ledger.average_tokens(store, asked_of, "rewrite" if purpose == "rewrite" else "relabel")
        usual = USUAL_TOKENS[purpose]
        tokens = (known.prompt, known.completion) if known.n_replies >= ENOUGH else usual
        parts.append(cost_of(label_set.label_model, Usage(round(tokens[0]), 0, round(tokens[1]))))
    return None if None in parts else sum(part for part in parts if part is not None)


def tell_outlook(seen: Outlook) -> list[str]:
    """The outlook in sentences."""
    by = "as so far" if seen.hit_rate_measured else "assumed, as none were judged yet"
    cost = "an unknown price" if seen.cost_usd is None else f"about {seen.cost_usd:.2f} USD"
    hits = f"{100 * seen.hit_rate:.0f}% hit their target ({by})"
    return [f"{seen.n_rewrites} rewrites to order, each labelled blind; {hits}, so filling these levels takes {cost}"]
