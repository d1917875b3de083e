"""Short pages of a run for the Prefect UI, as Markdown: what landed, what it cost, and why there was a retraining or none.

They hold figures and reasons, nothing of what was said and nobody's name.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from eval.report.number_formats import ABSENT, show_count, show_dollars
from feedback_model.records.labels import LabellingCost
from feedback_model.records.landed import LandedData, WordCounts, phrase_counts
from feedback_model.records.retraining import RetrainingDecision
from feedback_model.records.transcripts import SPLITS

_PURPOSES: Final = {"label": "labels", "rewrite": "rewrites", "relabel": "labels of rewrites"}


def landed_markdown(data: LandedData) -> str:
    """Say what landed, and what of it cannot be used."""
    splits = ", ".join(f"{data.splits.get(split, 0):,} {split}" for split in SPLITS)
    rows = [
        ("New transcripts", f"{data.n_new:,}: {splits}"),
        ("Documents they come from", f"{data.n_documents:,}"),
        ("Words", _phrase_words(data.words)),
        ("Languages, as the files say", _phrase_languages(data.languages)),
        ("Landed before", f"{data.n_known:,}"),
        ("The same text twice", f"{data.n_duplicate:,}"),
        ("Refused", _phrase_refused(data)),
    ]
    lines = ["| Landed | |", "| --- | --- |", *(f"| {what} | {figure} |" for what, figure in rows)]
    return f"**{phrase_landed(data)}**\n\n" + "\n".join(lines) + "\n"


def phrase_landed(data: LandedData) -> str:
    """Say in one sentence what landed."""
    plural = "" if data.n_landings == 1 else "s"
    return f"{data.n_new:,} new transcripts in {data.n_landings:,} landing{plural}; {data.n_refused:,} records refused"


def _phrase_words(words: WordCounts | None) -> str:
    if words is None:
        return ABSENT
    return f"{words.total:,}; {words.mean:,.0f} in a transcript on average, {words.least:,} to {words.most:,}"


def _phrase_languages(languages: Mapping[str | None, int]) -> str:
    return phrase_counts({name or "not told": count for name, count in languages.items()}) or ABSENT


def _phrase_refused(data: LandedData) -> str:
    codes = phrase_counts({f"`{code}`": count for code, count in data.refused.items()})
    return f"{data.n_refused:,}: {codes}" if codes else f"{data.n_refused:,}"


def cost_markdown(this_run: str, costs: Sequence[LabellingCost]) -> str:
    """Say what a run paid, and below it what was paid in all.

    Args:
        this_run: a sentence.
        costs: everything paid for so far.
    """
    known = [each.cost_usd for each in costs if each.cost_usd is not None]
    total = ["**in all**", "", show_count(sum(each.n_responses for each in costs)), *[""] * 3]
    lines = [
        ["Paid for", "Model", "Answers", "Prompt tokens", "of them cached", "Answer tokens", "USD"],
        ["---", "---", *["---:"] * 5],
        *map(_cost_cells, costs),
        [*total, f"**{show_dollars(sum(known) if known or not costs else None)}**"],
    ]
    return f"**{this_run}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cost_cells(each: LabellingCost) -> list[str]:
    counts = (each.n_responses, each.prompt_tokens, each.cached_tokens, each.completion_tokens)
    return [_PURPOSES[each.purpose], each.label_model, *map(show_count, counts), show_dollars(each.cost_usd)]


def phrase_labels(labelled: int, failed: int, cost_usd: float | None) -> str:
    """Say in one sentence which labels a run made."""
    given_up = f"; {failed:,} transcripts were given up, see the view label_progress" if failed else ""
    return (
        f"{labelled:,} new labels {_phrase_cost(cost_usd)}{given_up}" if labelled or failed else "no label was missing"
    )


def phrase_rewrites(accepted: int, ordered: int, cost_usd: float | None) -> str:
    """Say in one sentence what became of all rewrites so far, and what this run paid for them."""
    return f"{accepted:,} of {ordered:,} rewrites kept, {_phrase_cost(cost_usd)} in this run"


def _phrase_cost(cost_usd: float | None) -> str:
    if cost_usd is None:
        return "at a price that is not known"
    return f"for {cost_usd:.4f} USD" if cost_usd else "at no cost"


def retrained_markdown(decision: RetrainingDecision, verdict: str, links: Sequence[str]) -> str:
    """Say why there was a retraining and what came of it."""
    return _page(f"**Retrained**: {decision.sentence}.", f"**{verdict}**", links)


def waits_markdown(decision: RetrainingDecision, links: Sequence[str]) -> str:
    """Say why there was no retraining."""
    return _page(f"**Not retrained**: {decision.sentence}.", "", links)


def _page(reason: str, outcome: str, links: Sequence[str]) -> str:
    listed = "\n".join(f"- {link}" for link in links)
    return "\n\n".join(filter(None, (reason, outcome, listed))) + "\n"
