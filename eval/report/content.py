"""What the page shows, composed from the answers alone: no store, no clock, no chance.

The same answers give the same content, which is how a finished report can be checked. Knows nothing of HTML beyond the
SVG of its charts.
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
from eval.report.text import say_failure, say_parity, state_verdict
from feedback_model.records.training import model_order


@dataclass(frozen=True, slots=True)
class FailureLine:
    """One way in which outputs failed."""

    code: str
    sentence: str
    """What the code means."""
    counts: Mapping[str, Row]
    """By model."""
    n: int
    """Outputs of all models."""
    reached: float
    """Share of all failures that this line and those above it make up."""


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """What training started from beside what it ended with; each a summary."""

    before: Row
    after: Row


@dataclass(frozen=True, slots=True)
class Content:
    """What the templates fill in."""

    answers: Mapping[str, QueryResult]
    verdict: str
    evaluation: Row
    best: str | None
    """The best epoch."""
    shown: str
    """The model whose outputs are shown."""
    compared: Row | None
    """The best epoch's penalised comparison with the model it would replace."""
    decision: Row | None
    reasons: tuple[str, ...]
    evidence: tuple[Row, ...]
    demo_notices: tuple[str, ...]
    """Sentences on the parts that were the demo's."""
    before_after: BeforeAfter | None
    summaries: tuple[Row, ...]
    other_summaries: tuple[Row, ...]
    """Of the other split."""
    other_split: str
    traits: Mapping[tuple[str, str, str], Row]
    """By model, trait and subset."""
    metrics: Mapping[tuple[str, str], Row]
    """By model and trait."""
    floors: Mapping[str, Row]
    opponents: tuple[ComparedModel, ...]
    ranks: tuple[Rank, ...]
    tax: Row | None
    parity: str
    effect: Effect | None
    """Of augmentation; None where the same training without it was not measured."""
    figures: Mapping[str, Figure | None]
    failures: tuple[FailureLine, ...]
    examples: Examples
    cost: tuple[Row, ...]
    looks: tuple[Row, ...]
    """How often each split of the dataset had been measured on by then."""
    timing: tuple[Row, ...]
    recipes: tuple[Row, ...]
    """Of the training runs behind the models."""
    lineage: tuple[Row, ...]


def compose(gathered: ReportData) -> Content:
    """Everything the page shows of `gathered`."""
    answers = gathered.answers
    evaluation, summaries = answers["evaluation"].rows[0], _in_order(answers["summary"])
    models = [str(row["model"]) for row in summaries]
    best = next((str(row["model"]) for row in summaries if row["is_best_epoch"]), None)
    decision = next(iter(answers["decision"].rows), None)
    lineage = _in_order(answers["lineage"])
    pairs = pairs_under(answers["comparisons"].rows, "penalised")
    replaced = incumbent(*_without(best, models, lineage), decision)
    compared = pairs.get((best or "", replaced or ""))
    opponents = list_compared_models(pairs, models, best)
    tax, effect = next(iter(answers["quantisation"].rows), None), find_effect(answers)
    return Content(
        answers=answers,
        verdict=state_verdict(evaluation, _find(summaries, best), compared, decision, proves=effect is not None),
        evaluation=evaluation,
        best=best,
        shown=gathered.shown,
        compared=compared,
        decision=decision,
        reasons=() if decision is None else tuple(json.loads(str(decision["reasons"]))),
        evidence=tuple(answers["evidence"].rows),
        demo_notices=demo_notices(evaluation["label_model"], demo_base=any(row["stand_in"] for row in lineage)),
        before_after=_before_after(summaries, best),
        summaries=summaries,
        other_summaries=_in_order(answers["other_summary"]),
        other_split="validation" if evaluation["split"] == "test" else "test",
        traits={(str(r["model"]), str(r["trait"]), str(r["subset"])): r for r in answers["traits"].rows},
        metrics={(str(r["model"]), str(r["trait"])): r for r in answers["metrics"].rows if r["mae"] is not None},
        floors={str(row["trait"]): row for row in answers["noise_floor"].rows},
        opponents=opponents,
        ranks=rank(summaries, pairs),
        tax=tax,
        parity="" if tax is None else say_parity(tax),
        effect=effect,
        figures=_figures(answers, summaries, best, gathered.shown, opponents),
        failures=_failure_lines(answers["failures"].rows),
        examples=pick_examples(answers),
        cost=tuple(answers["cost"].rows),
        looks=tuple(answers["looks"].rows),
        timing=_in_order(answers["timing"]),
        recipes=tuple(answers["recipe"].rows),
        lineage=lineage,
    )


def _in_order(answer: QueryResult) -> tuple[Row, ...]:
    return tuple(sorted(answer.rows, key=lambda row: model_order(str(row["model"]))))


def _find(rows: Sequence[Row], model: str | None) -> Row | None:
    return next((row for row in rows if row["model"] == model), None)


def _without(best: str | None, models: Sequence[str], lineage: Sequence[Row]) -> tuple[list[str], list[Row]]:
    """The models but the best epoch, which replaces nobody where it is champion already."""
    return [each for each in models if each != best], [row for row in lineage if row["model"] != best]


def _before_after(summaries: Sequence[Row], best: str | None) -> BeforeAfter | None:
    after = _find(summaries, best)
    before = _find(summaries, "base-nf4") or _find(summaries, "base")
    return BeforeAfter(before, after) if before is not None and after is not None else None


def _figures(
    answers: Mapping[str, QueryResult],
    summaries: Sequence[Row],
    best: str | None,
    shown: str,
    opponents: Sequence[ComparedModel],
) -> dict[str, Figure | None]:
    evaluation, models = answers["evaluation"].rows[0], [str(row["model"]) for row in summaries]
    return {
        "differences": figures.difference_figure(opponents),
        "validity": figures.validity_figure(answers, summaries),
        "traits": figures.trait_figure(answers, models, best),
        "confusion": figures.confusion_figure(answers, shown),
        "training": figures.training_figure(answers, evaluation["split"], evaluation["mse_constant"]),
        "augmentation": figures.augmentation_figure(answers),
    }


def _failure_lines(rows: Sequence[Row]) -> tuple[FailureLine, ...]:
    """One line a code, the most frequent first."""
    codes = {str(row["failure_code"]) for row in rows}
    found = {code: [row for row in rows if row["failure_code"] == code] for code in codes}
    counts = {code: sum(int(row["n"] or 0) for row in own) for code, own in found.items()}
    total, so_far = sum(counts.values()), 0
    lines: list[FailureLine] = []
    for code in sorted(codes, key=lambda code: (-counts[code], code)):
        so_far += counts[code]
        by_model = {str(row["model"]): row for row in found[code]}
        lines.append(FailureLine(code, say_failure(code), by_model, counts[code], so_far / total))
    return tuple(lines)
