"""Whether a model or a prompt labels differently from others before it, on the transcripts that both labelled."""

from dataclasses import dataclass

from eval.label_quality import Agreement, agree, scores_of
from feedback_model.records import LabelSet
from feedback_model.store.connection import Store
from feedback_model.store.label_sets import label_sets, labelled_by_both, labels_of


@dataclass(frozen=True, slots=True)
class Drift:
    """How the labels of one set differ from those of another."""

    other: LabelSet
    agreement: tuple[Agreement, ...]
    """One for each trait; a difference above zero means that the other set scores lower."""

    @property
    def moved(self) -> tuple[Agreement, ...]:
        """The traits that are shown to have moved."""
        return tuple(each for each in self.agreement if each.distinguishable)


def measure_drift(store: Store, label_set: LabelSet, most: int | None = None) -> tuple[Drift, ...]:
    """How `label_set` differs from each other label set that shares transcripts with it.

    Args:
        most: transcripts to compare on, drawn by their ids; None for all.
    """
    shared = {
        other: labelled_by_both(store, label_set, other, most) for other in label_sets(store) if other != label_set
    }
    return tuple(
        Drift(other, agree(labels_of(store, label_set, names), scores_of(labels_of(store, other, names))))
        for other, names in shared.items()
        if names
    )


def tell_drift(label_set: LabelSet, drift: Drift) -> str | None:
    """The alarm in one sentence; None where nothing is shown to have moved."""
    moved = ", ".join(f"{each.trait} by {each.difference:+.2f}" for each in drift.moved)
    if not moved:
        return None
    return (
        f"labels of {label_set.label_model} ({label_set.prompt_version}) differ from those of {drift.other.label_model} "
        f"({drift.other.prompt_version}) on {drift.moved[0].n} transcripts that both labelled: {moved}; models trained on one "
        "and measured on the other would seem to have changed (`feedback labels drift` has the intervals)"
    )
