"""Everything that a report rests on: each question asked once, in order, the answers by name.

The page, the JSON and the Markdown are made from these answers alone, so what the database gives again can be compared
with what a report holds. Knows nothing of how they are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from eval.report.asking import Answer, ask
from feedback_model.progress import track
from feedback_model.store.connection import Store
from feedback_model.store.evaluation_records import Evaluation

_OF_EVALUATION = (
    "evaluation",
    "summary",
    "traits",
    "metrics",
    "comparisons",
    "noise_floor",
    "quantisation",
    "effect",
    "failures",
    "timing",
    "recipe",
    "lineage",
    "decision",
)
_OF_MODEL = ("confusion", "answered", "answered_traits", "failed", "effect_macro", "effect_levels")


@dataclass(frozen=True, slots=True)
class Gathered:
    """One evaluation's answers."""

    evaluation_id: str
    shown: str
    """The model whose outputs are shown: the best epoch, or the last of the table where none was chosen."""
    answers: Mapping[str, Answer]

    @property
    def evaluation_ids(self) -> tuple[str, ...]:
        """The evaluations whose figures the report shows: its own, then that of the other split."""
        return (self.evaluation_id, *(str(row["evaluation_id"]) for row in self.answers["other"].rows))

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
    progress = track("ask", len(_OF_EVALUATION) + len(_OF_MODEL) + 8)
    answers: dict[str, Answer] = {}

    def keep(question: str, called: str = "", **values: str | None) -> None:
        answer = ask(store, question, name=called, **values)
        answers[answer.name] = answer
        progress.advance()

    for question in _OF_EVALUATION:
        keep(question, evaluation_id=name)
    for question in _OF_MODEL:
        keep(question, evaluation_id=name, model=shown)
    own = {"dataset_id": evaluation.dataset_id, "run_id": evaluation.run_id, "until": evaluation.created_at}
    keep("other", "", split=evaluation.split, decoding=evaluation.decoding, **own)
    other = _first(answers["other"], "evaluation_id")
    keep("summary", "other_summary", evaluation_id=other)
    keep("epochs", evaluation_id=name, other_evaluation_id=other)
    keep("evidence", decision_id=_first(answers["decision"], "decision_id"))
    for question in ("loss", "scores", "cost", "looks"):
        keep(question, "", **own)
    return Gathered(name, shown, answers)


def _first(answer: Answer, column: str) -> str | None:
    return next((str(row[column]) for row in answer.rows), None)


def _shown_model(evaluation: Evaluation) -> str:
    best = evaluation.best_epoch
    return evaluation.models[-1].model if best is None else best.model
