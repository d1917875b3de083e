"""Results table of an evaluation, as records for terminals and as Markdown for artifacts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from eval.report.demo_notice import demo_notices
from eval.report.number_formats import show_points, show_share
from feedback_model.records.evaluation import Decoding, Evaluation, ModelResult
from feedback_model.records.transcripts import Split
from feedback_model.traits import TRAIT_KEYS, TRAITS

PENALTY = "Penalised counts an invalid output as the train median, over all transcripts; so do the traits."


@dataclass(frozen=True, slots=True)
class ResultsRow:
    """Row of one model. Every MSE is in score points squared, None where there was nothing to average."""

    model: str
    is_best_epoch: bool
    n_test: int
    """Transcripts asked."""
    valid_strict: int
    valid_extractable: int
    valid_repairable: int
    mse_individual: float | None
    n_individual: int
    mse_common: float | None
    n_common: int
    mse_penalised: float | None
    mse_lower: float | None
    mse_upper: float | None
    mse_by_trait: tuple[float | None, ...]
    """Penalised, in the order of the traits."""


@dataclass(frozen=True, slots=True)
class ResultsTable:
    """Table of one evaluation, a row per model: base, base-nf4, the epochs, champion."""

    title: str
    evaluation_id: str
    created_at: str
    split: Split
    decoding: Decoding
    dataset_id: str
    label_model: str
    rows: tuple[ResultsRow, ...]
    mse_constant: float | None
    mse_constant_by_trait: tuple[float | None, ...]
    notes: tuple[str, ...]
    """Sentences without which the figures could mislead."""


def results_table(evaluation: Evaluation, *, demo_base: bool) -> ResultsTable:
    """Lay out the table of one evaluation.

    Args:
        demo_base: any of its models is built on the demo's base.
    """
    mses = {constant.trait: constant.mse for constant in evaluation.constants}
    return ResultsTable(
        title=f"{evaluation.n_test} {evaluation.split} transcripts, labels of {evaluation.label_model}",
        evaluation_id=evaluation.evaluation_id,
        created_at=evaluation.created_at,
        split=evaluation.split,
        decoding=evaluation.decoding,
        dataset_id=evaluation.dataset_id,
        label_model=evaluation.label_model,
        rows=tuple(_row(result, evaluation.n_test) for result in evaluation.models),
        mse_constant=evaluation.mse_constant,
        mse_constant_by_trait=tuple(mses.get(trait) for trait in TRAIT_KEYS),
        notes=(*_notes(evaluation), *demo_notices(evaluation.label_model, demo_base=demo_base)),
    )


def _row(result: ModelResult, n_test: int) -> ResultsRow:
    penalised = {trait.trait: trait.mse for trait in result.traits if trait.subset == "penalised"}
    return ResultsRow(
        model=result.model,
        is_best_epoch=result.is_best_epoch,
        n_test=n_test,
        valid_strict=result.valid_strict,
        valid_extractable=result.valid_extractable,
        valid_repairable=result.valid_repairable,
        mse_individual=result.mse_individual,
        n_individual=result.n_individual,
        mse_common=result.mse_common,
        n_common=result.n_common,
        mse_penalised=result.mse_penalised,
        mse_lower=result.mse_lower,
        mse_upper=result.mse_upper,
        mse_by_trait=tuple(penalised.get(trait) for trait in TRAIT_KEYS),
    )


def _notes(evaluation: Evaluation) -> list[str]:
    notes = [f"Always saying the train mean of each trait would have an MSE of {show_points(evaluation.mse_constant)}."]
    if evaluation.best_epoch is not None:
        notes.append(f"Best epoch, chosen on validation: {evaluation.best_epoch.model}.")
    notes.append(PENALTY)
    return notes


def phrase_evaluation(evaluation: Evaluation) -> str:
    """Say in one sentence how each model did."""
    models = "; ".join(_phrase_model(each, evaluation) for each in evaluation.models)
    constant = show_points(evaluation.mse_constant)
    return f"{evaluation.split}, asked for {evaluation.decoding}: {models}; always the mean {constant}"


def _phrase_model(result: ModelResult, evaluation: Evaluation) -> str:
    # Scores that are read directly have no words that could be valid.
    valid = "" if evaluation.decoding == "direct" else f"{result.valid_strict} of {evaluation.n_test} valid, "
    return f"{result.model} {valid}MSE {show_points(result.mse_penalised)}"


def results_markdown(table: ResultsTable) -> str:
    """Render the models by rank and then by trait, narrow enough for the Prefect UI, with the sentences that belong to them."""
    notes = "\n".join(f"- {note}" for note in table.notes)
    return "\n\n".join([f"**{table.title}**", _leaderboard(table), _by_trait(table), notes]) + "\n"


def _leaderboard(table: ResultsTable) -> str:
    header = ["Rank", "Model", "Strictly valid", "MSE penalised", "MSE individual (n)", "MSE common (n)"]
    constant = show_points(table.mse_constant)
    ranked: list[tuple[float, list[str]]] = [(_rank(row.mse_penalised), _result_cells(row)) for row in table.rows]
    ranked.append((_rank(table.mse_constant), ["constant", "", constant, constant, ""]))
    lines = [[str(place), *cells] for place, (_, cells) in enumerate(sorted(ranked, key=lambda one: one[0]), start=1)]
    return _markdown_table(header, lines, n_words=2)


def _rank(mse: float | None) -> float:
    """Put what has no MSE last."""
    return math.inf if mse is None else mse


def _result_cells(row: ResultsRow) -> list[str]:
    return [
        _markdown_name(row),
        f"{row.valid_strict}/{row.n_test} ({show_share(row.valid_strict, row.n_test)})",
        show_points(row.mse_penalised),
        f"{show_points(row.mse_individual)} ({row.n_individual})",
        f"{show_points(row.mse_common)} ({row.n_common})",
    ]


def _by_trait(table: ResultsTable) -> str:
    header = ["MSE penalised", *(trait.title for trait in TRAITS)]
    lines = [[_markdown_name(row), *map(show_points, row.mse_by_trait)] for row in table.rows]
    lines.append(["constant", *map(show_points, table.mse_constant_by_trait)])
    return _markdown_table(header, lines, n_words=1)


def _markdown_name(row: ResultsRow) -> str:
    return f"**{row.model}**" if row.is_best_epoch else row.model


def _markdown_table(header: Sequence[str], lines: Sequence[Sequence[str]], n_words: int) -> str:
    """Lay out a table whose first `n_words` columns are words, and figures to the right of them."""
    rule = ["---"] * n_words + ["---:"] * (len(header) - n_words)
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *lines))
