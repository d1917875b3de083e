"""Content of a report, composed from query results alone: no store, no clock, no chance.

The same results give the same content, which is how a finished report can be checked. The only markup in it is the SVG of
the charts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.report import figures
from eval.report.augmentation_effect import Effect, find_effect
from eval.report.data import QueryResult, ReportData, Row
from eval.report.demo_notice import demo_notices
from eval.report.examples import Examples, pick_examples
from eval.report.figures import Figure
from eval.report.pairs import ComparedModel, Rank, incumbent, list_compared_models, pairs_under, rank
from eval.report.text import describe_failure, phrase_parity, state_verdict
from feedback_model.records.training import model_order


@dataclass(frozen=True, slots=True)
class FailureLine:
    """One failure code with its counts."""

    code: str
    sentence: str
    """Meaning of the code."""
    counts: Mapping[str, Row]
    """By model."""
    n: int
    """Outputs of all models."""
    reached: float
    """Share of all failures that this line and those above it make up."""


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Base model beside the best epoch; each a row of `summary`."""

    before: Row
    after: Row


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that the templates show."""

    verdict: str
    evaluation: Row
    best: str | None
    """The best epoch."""
    shown: str
    """The model whose outputs are shown."""
    decision: Row | None
    reasons: tuple[str, ...]
    evidence: tuple[Row, ...]
    demo_notices: tuple[str, ...]
    """Sentences on the parts that were the demo's."""
    before_after: BeforeAfter | None
    summaries: tuple[Row, ...]
    other_summaries: tuple[Row, ...]
    """Results on the other split."""
    other_split: str
    traits: Mapping[tuple[str, str, str], Row]
    """By model, trait and subset."""
    metrics: Mapping[tuple[str, str], Row]
    """By model and trait."""
    floors: Mapping[str, Row]
    slices: Mapping[str, tuple[Row, ...]]
    """Of the model shown, by dimension: the largest parts of the transcripts."""
    compared_models: tuple[ComparedModel, ...]
    ranks: tuple[Rank, ...]
    tax: Row | None
    parity: str
    effect: Effect | None
    """Effect of augmentation; None where the same training without it was not measured."""
    figures: Mapping[str, Figure | None]
    failures: tuple[FailureLine, ...]
    examples: Examples
    cost: tuple[Row, ...]
    looks: tuple[Row, ...]
    """Number of evaluations on each split of the dataset by then."""
    timing: tuple[Row, ...]
    training: Row | None
    """How the training computed, and how fast; None where no training belongs to the evaluation."""
    decodings: Mapping[str, Mapping[str, Row]]
    """By model and way of asking; empty where models were asked in one way alone."""
    recipes: tuple[Row, ...]
    """Recipes of the training runs behind the models."""
    lineage: tuple[Row, ...]


def compose(report: ReportData) -> Content:
    """Compose everything that the page shows of `report`."""
    results = report.results
    evaluation, summaries = results["evaluation"].rows[0], _in_order(results["summary"])
    models = [str(row["model"]) for row in summaries]
    best = next((str(row["model"]) for row in summaries if row["is_best_epoch"]), None)
    decision = next(iter(results["decision"].rows), None)
    lineage = _in_order(results["lineage"])
    pairs = pairs_under(results["comparisons"].rows, "penalised")
    replaced = incumbent(*_without(best, models, lineage), decision)
    compared = pairs.get((best or "", replaced or ""))
    compared_models = list_compared_models(pairs, models, best)
    tax, effect = next(iter(results["quantisation"].rows), None), find_effect(results)
    return Content(
        verdict=state_verdict(evaluation, _find(summaries, best), compared, decision, proves=effect is not None),
        evaluation=evaluation,
        best=best,
        shown=report.shown,
        decision=decision,
        reasons=() if decision is None else tuple(json.loads(str(decision["reasons"]))),
        evidence=tuple(results["evidence"].rows),
        demo_notices=demo_notices(evaluation["label_model"], demo_base=any(row["stand_in"] for row in lineage)),
        before_after=_before_after(summaries, best),
        summaries=summaries,
        other_summaries=_in_order(results["other_summary"]),
        other_split="validation" if evaluation["split"] == "test" else "test",
        traits={(str(r["model"]), str(r["trait"]), str(r["subset"])): r for r in results["traits"].rows},
        metrics={(str(r["model"]), str(r["trait"])): r for r in results["metrics"].rows if r["mae"] is not None},
        floors={str(row["trait"]): row for row in results["noise_floor"].rows},
        slices=_by_dimension(results["slices"].rows),
        compared_models=compared_models,
        ranks=rank(summaries, pairs),
        decodings=_by_decoding(results["decodings"]),
        tax=tax,
        parity="" if tax is None else phrase_parity(tax),
        effect=effect,
        figures=_figures(results, summaries, best, report.shown, compared_models),
        failures=_failure_lines(results["failures"].rows),
        examples=pick_examples(results),
        cost=tuple(results["cost"].rows),
        looks=tuple(results["looks"].rows),
        timing=_in_order(results["timing"]),
        training=next(iter(results["training"].rows), None),
        recipes=tuple(results["recipe"].rows),
        lineage=lineage,
    )


def _in_order(result: QueryResult) -> tuple[Row, ...]:
    return tuple(sorted(result.rows, key=lambda row: model_order(str(row["model"]))))


def _by_decoding(result: QueryResult) -> dict[str, dict[str, Row]]:
    """Group rows by model and way of asking; nothing where models were asked in one way alone."""
    rows = _in_order(result)
    if len({row["decoding"] for row in rows}) < 2:
        return {}
    return {
        str(model["model"]): {str(row["decoding"]): row for row in rows if row["model"] == model["model"]}
        for model in rows
    }


def _by_dimension(rows: Sequence[Row]) -> dict[str, tuple[Row, ...]]:
    dimensions = dict.fromkeys(str(row["dimension"]) for row in rows)
    return {each: tuple(row for row in rows if row["dimension"] == each) for each in dimensions}


def _find(rows: Sequence[Row], model: str | None) -> Row | None:
    return next((row for row in rows if row["model"] == model), None)


def _without(best: str | None, models: Sequence[str], lineage: Sequence[Row]) -> tuple[list[str], list[Row]]:
    """Leave the best epoch out, which replaces no model where it is champion already."""
    return [each for each in models if each != best], [row for row in lineage if row["model"] != best]


def _before_after(summaries: Sequence[Row], best: str | None) -> BeforeAfter | None:
    after = _find(summaries, best)
    before = _find(summaries, "base-nf4") or _find(summaries, "base")
    return BeforeAfter(before, after) if before is not None and after is not None else None


def _figures(
    results: Mapping[str, QueryResult],
    summaries: Sequence[Row],
    best: str | None,
    shown: str,
    compared_models: Sequence[ComparedModel],
) -> dict[str, Figure | None]:
    evaluation, models = results["evaluation"].rows[0], [str(row["model"]) for row in summaries]
    return {
        "differences": figures.difference_figure(compared_models),
        "validity": figures.validity_figure(results, summaries),
        "traits": figures.trait_figure(results, models, best),
        "confusion": figures.confusion_figure(results, shown),
        "training": figures.training_figure(results, evaluation["split"], evaluation["mse_constant"]),
        "augmentation": figures.augmentation_figure(results),
    }


def _failure_lines(rows: Sequence[Row]) -> tuple[FailureLine, ...]:
    """Summarise failures in one line a code, the most frequent first."""
    codes = {str(row["failure_code"]) for row in rows}
    found = {code: [row for row in rows if row["failure_code"] == code] for code in codes}
    counts = {code: sum(int(row["n"] or 0) for row in own) for code, own in found.items()}
    total, so_far = sum(counts.values()), 0
    lines: list[FailureLine] = []
    for code in sorted(codes, key=lambda code: (-counts[code], code)):
        so_far += counts[code]
        by_model = {str(row["model"]): row for row in found[code]}
        lines.append(FailureLine(code, describe_failure(code), by_model, counts[code], so_far / total))
    return tuple(lines)
