"""Everything a report shows, gathered from the database: figures with the SQL that made them, tables, examples.

Knows nothing of HTML beyond the SVG of its charts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.report import charts
from eval.report.asking import Answer, ask
from eval.report.examples import Examples, pick_examples
from eval.report.stand_ins import stand_ins
from eval.report.table import ResultsTable, results_table, show_mse, show_share
from feedback_model.parsing import FailureCode
from feedback_model.progress import track
from feedback_model.records import Split
from feedback_model.store.connection import Store
from feedback_model.store.decisions import read_decision
from feedback_model.store.evaluation_records import Decision, Evaluation
from feedback_model.store.evaluations import sibling_evaluation
from feedback_model.store.reading import Row
from feedback_model.store.roles import model_order
from feedback_model.traits import TRAITS


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart."""

    title: str
    svg: str


@dataclass(frozen=True, slots=True)
class Figure:
    """Charts that answer one question, with the SQL behind them."""

    title: str
    caption: str
    panels: tuple[Panel, ...]
    sql: str


@dataclass(frozen=True, slots=True)
class FailureLine:
    """One way in which outputs failed."""

    code: str
    sentence: str
    """What the code means."""
    counts: Mapping[str, int]
    """Outputs by model."""


@dataclass(frozen=True, slots=True)
class Content:
    """What the template fills in."""

    verdict: str
    evaluation: Evaluation
    decision: Decision | None
    stand_ins: tuple[str, ...]
    tables: tuple[ResultsTable, ...]
    """This evaluation's table first, then the other split's."""
    summary_sql: str
    traits: Mapping[tuple[str, str], Row]
    """Penalised MSE with its interval, by model and trait."""
    traits_sql: str
    figures: tuple[Figure, ...]
    failures: tuple[FailureLine, ...]
    failures_sql: str
    examples: Examples | None
    cost: Answer
    lineage: Answer


def gather(store: Store, evaluation: Evaluation) -> Content:
    """Ask the database for everything a report on `evaluation` shows."""
    name = evaluation.evaluation_id
    other_split: Split = "validation" if evaluation.split == "test" else "test"
    other = sibling_evaluation(store, evaluation, other_split)
    test = evaluation if evaluation.split == "test" else other
    decision = None if test is None else read_decision(store, test)
    shown = _shown_model(evaluation)
    traits = ask(store, "traits", evaluation_id=name)
    lineage = ask(store, "lineage", evaluation_id=name)
    failures = ask(store, "failures", evaluation_id=name)
    return Content(
        verdict=state_verdict(evaluation, decision),
        evaluation=evaluation,
        decision=decision,
        stand_ins=stand_ins(store, evaluation),
        tables=tuple(results_table(store, each.evaluation_id) for each in (evaluation, other) if each is not None),
        summary_sql=ask(store, "summary", evaluation_id=name).sql,
        traits={(row["model"], row["trait"]): row for row in traits.rows},
        traits_sql=traits.sql,
        figures=_figures(store, evaluation, other, shown, traits),
        failures=_failure_lines(failures.rows),
        failures_sql=failures.sql,
        examples=None if shown is None else pick_examples(store, name, shown),
        cost=ask(store, "cost"),
        lineage=Answer(sorted(lineage.rows, key=lambda row: model_order(row["model"])), lineage.sql),
    )


def _shown_model(evaluation: Evaluation) -> str | None:
    """The model whose outputs are shown: the best epoch, or the last of the table where there is none."""
    if evaluation.best_epoch is not None:
        return evaluation.best_epoch.model
    return evaluation.models[-1].model if evaluation.models else None


def state_verdict(evaluation: Evaluation, decision: Decision | None) -> str:
    """The report in one sentence."""
    best = evaluation.best_epoch
    if best is None:
        return f"{len(evaluation.models)} models were measured on {evaluation.n_test} {evaluation.split} transcripts."
    became = {"promote": "earns promotion to champion", "hold": "is not promoted", "inconclusive": "is not promoted"}
    outcome = f"{best.model} {became[decision.verdict]}" if decision else f"{best.model} is the best epoch"
    base = evaluation.model("base-nf4") or evaluation.model("base")
    before = f", from {show_mse(base.mse_penalised)} before training" if base else ""
    return (
        f"{outcome}: over {evaluation.n_test} {evaluation.split} transcripts its MSE is "
        f"{show_mse(best.mse_penalised)}{before}, where always saying the average would have "
        f"{show_mse(evaluation.mse_constant)}; {show_share(best.valid_strict, evaluation.n_test)} of its outputs are "
        "strictly valid."
    )


def _figures(
    store: Store, evaluation: Evaluation, other: Evaluation | None, shown: str | None, traits: Answer
) -> tuple[Figure, ...]:
    progress = track("report", 5)
    figures: list[Figure | None] = []
    for draw in (
        lambda: _trait_figure(store, evaluation, traits),
        lambda: _training_figure(store, evaluation, other),
        lambda: _confusion_figure(store, evaluation, shown),
        lambda: _distribution_figure(store, evaluation),
        lambda: _validity_figure(store, evaluation),
    ):
        figures.append(draw())
        progress.advance()
    return tuple(figure for figure in figures if figure is not None)


def _trait_figure(store: Store, evaluation: Evaluation, traits: Answer) -> Figure:
    constants = ask(store, "constants", evaluation_id=evaluation.evaluation_id)
    constant = {row["trait"]: row["mse"] for row in constants.rows}
    models = [result.model for result in evaluation.models]
    best = evaluation.best_epoch.model if evaluation.best_epoch else None
    highest = [row["ci_high"] or row["mse"] or 0.0 for row in traits.rows]
    top = max([*highest, *constant.values(), 1.0])
    return Figure(
        "Error per trait",
        "MSE over all transcripts, an invalid output counted as the train median, with a 95% interval clustered on the "
        "document. The dashed line is the constant predictor; left of it, a model beats never reading the transcript.",
        tuple(
            Panel(
                trait.title, charts.draw_trait(_of(traits.rows, trait.key), models, best, constant.get(trait.key), top)
            )
            for trait in TRAITS
        ),
        f"{traits.sql};\n\n{constants.sql};",
    )


def _validity_figure(store: Store, evaluation: Evaluation) -> Figure:
    summary = ask(store, "summary", evaluation_id=evaluation.evaluation_id)
    rows = sorted(summary.rows, key=lambda row: model_order(row["model"]))
    return Figure(
        "Validity",
        "Each output counts at the best tier it reaches: strict (the whole output is one conforming object), extractable "
        "(after removing fences or prose), repairable (after a repair library edited it), or none.",
        (Panel("Outputs by tier", charts.draw_validity(rows)),),
        f"{summary.sql};",
    )


def _training_figure(store: Store, evaluation: Evaluation, other: Evaluation | None) -> Figure | None:
    beside = other.evaluation_id if other else None
    epochs = ask(store, "epochs", evaluation_id=evaluation.evaluation_id, other_evaluation_id=beside)
    loss = ask(store, "loss", evaluation_id=evaluation.evaluation_id)
    panels: list[Panel] = []
    if any(row["model"].startswith("epoch-") for row in epochs.rows):
        panels.append(Panel("Error by epoch", charts.draw_epochs(epochs.rows, evaluation.mse_constant)))
    if loss.rows:
        panels.append(Panel("Training loss", charts.draw_loss(loss.rows)))
    caption = (
        "The epoch is chosen on validation; test is only reported on. The dashed line is the constant predictor on "
        f"the {evaluation.split} split."
    )
    return Figure("Training", caption, tuple(panels), f"{epochs.sql};\n\n{loss.sql};") if panels else None


def _confusion_figure(store: Store, evaluation: Evaluation, shown: str | None) -> Figure | None:
    confusion = ask(store, "confusion", evaluation_id=evaluation.evaluation_id, model=shown)
    if not confusion.rows:
        return None
    return Figure(
        f"Label against {shown}",
        "How often each score was said where the label was another; on the marked diagonal they agree. Strictly valid "
        "outputs only.",
        tuple(Panel(trait.title, charts.draw_confusion(_of(confusion.rows, trait.key))) for trait in TRAITS),
        f"{confusion.sql};",
    )


def _distribution_figure(store: Store, evaluation: Evaluation) -> Figure | None:
    distribution = ask(store, "distribution", evaluation_id=evaluation.evaluation_id)
    if not distribution.rows:
        return None
    return Figure(
        "Training labels before and after augmentation",
        "Transcripts of the train part by score. The lower bars are what was landed, the upper ones what augmentation "
        "added where scores were rare. Validation and test are never augmented.",
        tuple(Panel(trait.title, charts.draw_distribution(_of(distribution.rows, trait.key))) for trait in TRAITS),
        f"{distribution.sql};",
    )


def _failure_lines(rows: Sequence[Row]) -> tuple[FailureLine, ...]:
    """One line a code, the most frequent first."""
    codes = {
        row["failure_code"]: [each for each in rows if each["failure_code"] == row["failure_code"]] for row in rows
    }
    lines = [
        FailureLine(code, FailureCode(code).sentence, {row["model"]: row["n"] for row in found})
        for code, found in codes.items()
    ]
    return tuple(sorted(lines, key=lambda line: -sum(line.counts.values())))


def _of(rows: Sequence[Row], trait: str) -> list[Row]:
    return [row for row in rows if row["trait"] == trait]
