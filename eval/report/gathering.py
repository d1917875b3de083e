"""Everything that a report rests on: each question asked once, in order, the answers by name.

The page, the JSON and the Markdown are made from these answers alone, so what the database gives again can be compared
with what a report holds. Knows nothing of how they are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from eval.report.asking import Answer, ask
from feedback_model.progress import track
from feedback_model.records import Split
from feedback_model.store.connection import Store
from feedback_model.store.evaluation_records import Evaluation
from feedback_model.store.evaluations import sibling_evaluation

_OF_EVALUATION = (
    "evaluation",
    "summary",
    "traits",
    "metrics",
    "comparisons",
    "noise_floor",
    "quantisation",
    "failures",
    "timing",
    "lineage",
    "decision",
)
_OF_MODEL = ("confusion", "answered", "answered_traits", "failed")


@dataclass(frozen=True, slots=True)
class Gathered:
    """One evaluation's answers."""

    evaluation_id: str
    shown: str
    """The model whose outputs are shown: the best epoch, or the last of the table where none was chosen."""
    answers: Mapping[str, Answer]

    @property
    def n_figures(self) -> int:
        """How many numbers the answers hold."""
        return sum(answer.n_figures for answer in self.answers.values())


def gather(store: Store, evaluation: Evaluation) -> Gathered:
    """Ask the database for everything a report on `evaluation` shows.

    Raises:
        StoreError: the database could not answer.
        Interrupted: a stop was requested.
    """
    name, shown = evaluation.evaluation_id, _shown_model(evaluation)
    other = sibling_evaluation(store, evaluation, other_split(evaluation.split))
    other_id = None if other is None else other.evaluation_id
    progress = track("ask", len(_OF_EVALUATION) + len(_OF_MODEL) + 6)
    answers: dict[str, Answer] = {}

    def keep(question: str, called: str = "", **values: str | None) -> None:
        answer = ask(store, question, name=called, **values)
        answers[answer.name] = answer
        progress.advance()

    for question in _OF_EVALUATION:
        keep(question, evaluation_id=name)
    for question in _OF_MODEL:
        keep(question, evaluation_id=name, model=shown)
    keep("summary", "other_summary", evaluation_id=other_id)
    keep("epochs", evaluation_id=name, other_evaluation_id=other_id)
    keep("loss", run_id=evaluation.run_id)
    keep("scores", dataset_id=evaluation.dataset_id)
    decided = answers["decision"].rows
    keep("evidence", decision_id=str(decided[0]["decision_id"]) if decided else None)
    keep("cost")
    return Gathered(name, shown, answers)


def other_split(split: Split) -> Split:
    """The one that a report shows beside its own."""
    return "validation" if split == "test" else "test"


def _shown_model(evaluation: Evaluation) -> str:
    best = evaluation.best_epoch
    return evaluation.models[-1].model if best is None else best.model
