"""Score first or evidence first: the same texts, which people have scored, labelled in both orders.

`python benchmarks/label_orders.py GOLD... [--labeller openai] [--count 30]`, with endpoint, model and key as the settings name
them. GOLD is a file that `feedback labels gold` reads and that has texts, or one of single scores (`text`, `score`, `scale`, and
where texts depend on each other `document`) whose name begins with its trait. Not collected by pytest; buys two labels a text.
"""

import argparse
import asyncio
import json
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from results_page import processor_seconds, table, write_results

from eval.intervals import estimate_mean
from eval.metrics import spearman_correlation
from feedback_model.feedback import MEMBERS, AnswerOrder
from feedback_model.labelling.label import label_missing
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.pricing import price_of
from feedback_model.records.labels import LabellerKind, LabellingConfig
from feedback_model.records.transcripts import Transcript
from feedback_model.settings import Settings
from feedback_model.store.connection import Store, open_store
from feedback_model.store.label_attempts import NANOS, read_spending
from feedback_model.store.label_requests import count_state, mean_usage
from feedback_model.store.labels import measure_wording
from feedback_model.store.readonly_sql import select_rows
from feedback_model.store.transcripts import NewTranscript, add_transcripts
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS
from feedback_model.transcripts.cleaning import clean_text, count_words
from feedback_model.transcripts.documents import transcript_id_of
from feedback_model.transcripts.near_duplicates import signature_of

SEED = 20261129

Scores = Mapping[AnswerOrder, dict[tuple[str, str], float]]
"""By order, then by transcript and trait."""


@dataclass(frozen=True, slots=True)
class ScoredText:
    """A text with what people gave it, from 1 to 10."""

    text: str
    group: str
    """Texts of one group are not independent."""
    scores: Mapping[str, float]


def read_scored(path: Path) -> list[ScoredText]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [_scored(path, number, row) for number, row in enumerate(rows)]


def _scored(path: Path, number: int, row: Mapping[str, Any]) -> ScoredText:
    group = str(row.get("document") or f"{path.stem}-{number}")
    given = {trait: float(row[trait]) for trait in TRAIT_KEYS if row.get(trait) not in (None, "")}
    if not given:
        trait = next(key for key in TRAIT_KEYS if path.stem.startswith(key))
        low, high = row["scale"]
        value = row["score"] if "score" in row else (row["valence"] + row["arousal"]) / 2
        given = {trait: MIN_SCORE + (MAX_SCORE - MIN_SCORE) * (value - low) / (high - low)}
    return ScoredText(clean_text(row["text"]), group, given)


def draw(path: Path, count: int) -> list[ScoredText]:
    """Draw texts evenly over people's scores, so that there is something to tell apart."""
    scored = read_scored(path)
    random.Random(SEED).shuffle(scored)
    scored.sort(key=lambda each: next(iter(each.scores.values())))
    return [scored[place] for place in sorted({round(each) for each in np.linspace(0, len(scored) - 1, count)})]


def enter(store: Store, texts: Sequence[ScoredText]) -> dict[str, ScoredText]:
    named = {transcript_id_of(each.text): each for each in texts}
    add_transcripts(
        store,
        [
            NewTranscript(
                Transcript(name, name, each.text, "gold", "", split="test"),
                count_words(each.text),
                signature_of(each.text),
            )
            for name, each in named.items()
        ],
    )
    return named


async def label(store: Store, settings: Settings, kind: LabellerKind) -> LabellingConfig:
    config = labelling_config_of(kind, settings)
    async with open_labeller(kind, settings) as labeller:
        await label_missing(store, labeller, config, settings)
    return config


def scores_under(store: Store, config: LabellingConfig) -> dict[tuple[str, str], float]:
    """Read the expected score where the endpoint tells it, else the score, by transcript and trait."""
    sql = (
        "SELECT transcript_id, trait, COALESCE(expected_score, score) AS score FROM label_scores "
        "WHERE label_model = :model AND prompt_version = :version AND replicate = 0"
    )
    rows = select_rows(store, sql, model=config.label_model, version=config.prompt_version)
    return {(row["transcript_id"], row["trait"]): float(row["score"]) for row in rows}


def compare(trait: str, named: Mapping[str, ScoredText], scores: Scores) -> list[str]:
    """Compare both orders on one trait: Spearman, MSE after the best shift, and the paired difference of the latter."""
    both = [
        name
        for name, each in named.items()
        if trait in each.scores and all((name, trait) in found for found in scores.values())
    ]
    people = np.array([named[name].scores[trait] for name in both])
    errors, cells = {}, [trait, str(len(both)), f"{people.var():.2f}"]
    for order, found in scores.items():
        ours = np.array([found[name, trait] for name in both])
        error = ours - people
        errors[order] = (error - error.mean()) ** 2
        rank = spearman_correlation(people, ours)
        cells += ["-" if rank is None else f"{rank:.2f}", f"{errors[order].mean():.2f}"]
    difference = estimate_mean(errors["evidence-first"] - errors["score-first"], [named[name].group for name in both])
    if difference is None:
        return [*cells, "-"]
    low, high = difference.interval
    shown = f"{difference.mean:+.2f} ({low:+.2f} to {high:+.2f})"
    return [*cells, shown]


def describe_cost(store: Store, order: AnswerOrder, config: LabellingConfig) -> list[str]:
    usage, wording = mean_usage(store, config, "label"), measure_wording(store, config)
    known = [f"{usage.prompt_tokens:.0f}", f"{usage.completion_tokens:.0f}"] if usage else ["-", "-"]
    found = f"{wording.n_found} of {wording.n_quoted}"
    usd = f"{read_spending(store, config).spent / NANOS:.4f}" if price_of(config.label_model) else "-"
    failed = count_state(store, config, "label", "failed")
    return [
        order,
        config.prompt_version,
        *known,
        usd,
        found,
        f"{wording.n_long} of {wording.n_scores}",
        str(failed),
    ]


def write_page(store: Store, named: Mapping[str, ScoredText], configs: Mapping[AnswerOrder, LabellingConfig]) -> str:
    scores: Scores = {order: scores_under(store, config) for order, config in configs.items()}
    told = {trait for each in named.values() for trait in each.scores}
    equal = sum(
        scores["score-first"][key] == value
        for key, value in scores["evidence-first"].items()
        if key in scores["score-first"]
    )
    model = next(iter(configs.values())).label_model
    heads = [f"{what}, {order}" for order in configs for what in ("Spearman", "MSE after shift")]
    header = ["trait", "n", "MSE of the best constant", *heads, "MSE, evidence first less score first (95%)"]
    rows = [compare(trait, named, scores) for trait in TRAIT_KEYS if trait in told]
    cost_header = [
        "order",
        "prompt version",
        "prompt tokens",
        "completion tokens",
        "USD",
        "evidence found",
        "explanations too long",
        "failed",
    ]
    costs = [describe_cost(store, order, config) for order, config in configs.items()]
    return (
        f"# Score first or evidence first: {model}\n\n{len(named)} texts that people scored, labelled in both orders; "
        f"{equal} of {len(scores['score-first'])} scores are the same in both. MSE after shift: with the mean difference to "
        f"people taken off, since people's scales are other scales.\n\n{table(header, rows)}\n\n{table(cost_header, costs)}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gold", nargs="+", type=Path)
    parser.add_argument("--labeller", choices=["openai", "embedded"], default="openai")
    parser.add_argument("--count", type=int, default=30, help="texts of each file")
    parser.add_argument("--note", default="", help="a sentence on the model, for the page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings().model_copy(update={"home": Path(home), "database_url": "", "relabel_share": 0.0})
        store = open_store(settings.store_url)
        named = enter(store, [each for path in options.gold for each in draw(path, options.count)])
        configs: dict[AnswerOrder, LabellingConfig] = {}
        for order in MEMBERS:
            configs[order] = asyncio.run(
                label(store, settings.model_copy(update={"label_order": order}), options.labeller)
            )
        body = write_page(store, named, configs)
        store.close()
    write_results("label_orders", ["openai"], processor_seconds(), f"{body}\n{options.note}")


if __name__ == "__main__":
    main()
