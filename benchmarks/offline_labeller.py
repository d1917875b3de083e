"""Measure the offline labeller against people, on groups of texts that its weights were not fitted on.

    python benchmarks/offline_labeller.py FOLDER

FOLDER as for `fit_offline_labeller.py`, whose weights it fits anew for each fold. Scores are the whole numbers that the
labeller gives; the constant is the best there is, people's mean on the same texts. People's scores are moved to 1..10 by
the ends of their scale, so a trait of which people use a tenth of the scale has a constant that is hard to beat; "on a
line" lets a line fitted on the training folds move the scores first.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fit_offline_labeller import (
    Measured,
    Scored,
    fit_order,
    fit_trait,
    measured,
    read_rows,
    read_scored,
    shuffled_pairs,
)
from results_page import processor_seconds, table, write_results
from scipy.stats import rankdata, spearmanr
from sklearn.model_selection import GroupKFold

from feedback_model.demo.labeller.explanations import explain
from feedback_model.demo.labeller.reading import Reading, read
from feedback_model.demo.labeller.scores import grade, grade_fillers, grade_trait, round_score, score
from feedback_model.demo.labeller.terms import FITTED
from feedback_model.demo.labeller.weights import TraitWeights
from feedback_model.labelling.metamorphic import CHECKS, drop_fillers
from feedback_model.traits import SCORES, TRAIT_KEYS

FOLDS = {"formality": 2, "persuasiveness": 5, "empathy": 10, "enthusiasm": 10}
"""Formality has two groups: each is scored by weights fitted on the other."""
AIMS = {"formality": "0.65", "persuasiveness": "0.55; 0.3 without length", "enthusiasm": "0.38", "empathy": "0.25"}
HEADER = (
    "trait",
    "texts (groups)",
    "Spearman",
    "aim",
    "without length",
    "length alone",
    "MSE",
    "on a line",
    "constant",
)
HESITATIONS = frozenset({"um", "uh", "er", "erm", "uhm", "umm", "uhh", "hmm"})


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Scores of texts by weights that were fitted on other groups."""

    labels: np.ndarray
    on_a_line: np.ndarray
    """The same, moved by a line fitted on the training folds."""


def score_out_of_fold(trait: str, scored: Scored, speech: Sequence[str]) -> OutOfFold:
    rows, readings = measured(scored.texts), [read(text) for text in scored.texts]
    labels, line = np.zeros(len(rows)), np.zeros(len(rows))
    for train, test in GroupKFold(FOLDS[trait]).split(rows, groups=scored.groups):
        weights = fit_trait(trait, scored, rows, train, speech)
        given = {k: label(trait, weights, readings[k], rows[k]) for k in (*train, *test)}
        labels[test] = [given[k] for k in test]
        line[test] = np.polyval(np.polyfit([given[k] for k in train], scored.scores[train], 1), labels[test])
    return OutOfFold(labels, line)


def label(trait: str, weights: TraitWeights, reading: Reading, row: Measured) -> int:
    return round_score(grade(trait, weights, reading, row))


def residual(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Ranks with a line in the ranks of length taken off."""
    ranks, by = rankdata(values), rankdata(lengths)
    return ranks - np.polyval(np.polyfit(by, ranks, 1), by)


def inside_groups(scored: Scored, correlate: Callable[[np.ndarray], float]) -> float:
    """Mean of `correlate` over groups, where scores can be compared inside these alone; else over everything."""
    parts = [scored.groups == group for group in np.unique(scored.groups)] if scored.inside else [slice(None)]
    return float(np.mean([correlate(part) for part in parts]))


def person_row(trait: str, folder: Path, speech: Sequence[str]) -> list[object]:
    scored = read_scored(folder, trait)
    found = score_out_of_fold(trait, scored, speech)
    lengths = np.array([len(text.split()) for text in scored.texts], dtype=float)
    people = scored.scores

    def error(ours: np.ndarray) -> str:
        return f"{np.mean((ours - people) ** 2):.2f}"

    correlations = (
        inside_groups(scored, lambda part: spearmanr(found.labels[part], people[part])[0]),
        AIMS[trait],
        inside_groups(
            scored,
            lambda part: spearmanr(residual(found.labels[part], lengths[part]), residual(people[part], lengths[part]))[
                0
            ],
        ),
        inside_groups(scored, lambda part: spearmanr(lengths[part], people[part])[0]),
    )
    shown = [each if isinstance(each, str) else f"{each:.3f}" for each in correlations]
    size = f"{len(people):,} ({len(np.unique(scored.groups))})"
    return [trait, size, *shown, *map(error, (found.labels, found.on_a_line, np.full(len(people), people.mean())))]


def debate_rows(folder: Path) -> list[list[object]]:
    """Opening speeches of debates, which no weight was fitted on: each speech's mean rating by 15 people."""
    rows = read_rows(folder / "human/debate_speeches.jsonl")
    ours = np.array([score_of(row["text"], "persuasiveness") for row in rows])
    people = np.array([np.mean(row["ratings"]) for row in rows])
    lengths = np.array([len(row["text"].split()) for row in rows], dtype=float)
    speakers = np.array([row["speaker"] for row in rows])
    inside = [
        spearmanr(ours[speakers == speaker], people[speakers == speaker])[0]
        for speaker in np.unique(speakers)
        if len(set(ours[speakers == speaker])) > 1
    ]
    shown = (
        spearmanr(ours, people)[0],
        spearmanr(residual(ours, lengths), residual(people, lengths))[0],
        spearmanr(lengths, people)[0],
        np.mean(inside),
    )
    return [[len(rows), *(f"{each:.3f}" for each in shown)]]


def told(moved: np.ndarray) -> str:
    """Share of pairs told apart, ties counted half."""
    return f"{np.mean((moved > 0) + 0.5 * (moved == 0)):.3f}"


def order_rows(folder: Path, speech: Sequence[str]) -> list[list[object]]:
    """Pairs of a text and its shuffled sentences, told by weights fitted on other documents."""
    before, after, documents, prepared = shuffled_pairs(both(folder))
    first, second = measured(before), measured(after)
    readings = [(read(one), read(other)) for one, other in zip(before, after, strict=True)]
    moved = np.zeros(len(before))
    for train, test in GroupKFold(5).split(before, groups=documents):
        weights = fit_order([first[k] for k in train], [second[k] for k in train], speech)
        for k in test:
            moved[k] = label("transition_logic", weights, readings[k][0], first[k])
            moved[k] -= label("transition_logic", weights, readings[k][1], second[k])
    return [
        ["speech and web text", len(moved), told(moved), "0.65", share(moved > 0), share(moved < 0)],
        [
            "prepared speech",
            int(prepared.sum()),
            told(moved[prepared]),
            "",
            share(moved[prepared] > 0),
            share(moved[prepared] < 0),
        ],
    ]


def both(folder: Path) -> list[dict[str, Any]]:
    return read_rows(folder / "transcripts.jsonl") + read_rows(folder / "webtext.jsonl")


def share(which: np.ndarray) -> str:
    return f"{np.mean(which):.0%}"


def filler_rows(speech: Sequence[str]) -> list[list[object]]:
    pairs = [(text, cleaned) for text in speech if (cleaned := drop_fillers(text)) is not None]
    moved = np.array([score(cleaned).scores[4] - score(text).scores[4] for text, cleaned in pairs])
    readings = [read(text) for text in speech]
    rates = [sum(word in HESITATIONS for word in each.words) / max(len(each.words), 1) for each in readings]
    rank = spearmanr([-rate for rate in rates], [round_score(grade_fillers(each)) for each in readings])[0]
    return [
        ["verbatim against cleaned, told", len(pairs), told(moved), "0.93"],
        ["Spearman with um and uh a word", len(speech), f"{rank:.3f}", ""],
    ]


def change_rows(texts: Mapping[str, Sequence[str]]) -> list[list[object]]:
    rows: list[list[object]] = []
    for check in CHECKS:
        for name, chosen in texts.items():
            pairs = [(text, changed) for text in chosen if (changed := check.change(text, 0)) is not None]
            moved = np.array([grade_trait(new, check.trait) - grade_trait(old, check.trait) for old, new in pairs])
            rounded = np.array([score_of(new, check.trait) - score_of(old, check.trait) for old, new in pairs])
            rows.append(
                [check.name, check.trait, check.direction, name, len(pairs), f"{rounded.mean():+.2f}",
                 share(rounded < 0), share(rounded > 0), share(moved < 0)]
            )  # fmt: skip
    return rows


def score_of(text: str, trait: str) -> int:
    return round_score(grade_trait(text, trait))


def level_rows(speech: Sequence[str]) -> list[list[object]]:
    scores = np.array([score(text).scores for text in speech])
    rows: list[list[object]] = []
    for number, trait in enumerate(TRAIT_KEYS):
        counts = [int((scores[:, number] == level).sum()) for level in SCORES]
        rows.append([trait, *counts, f"{max(counts) / len(speech):.0%}"])
    return rows


def milliseconds(texts: Sequence[str]) -> float:
    explain(texts[0])
    start = time.process_time()
    for text in texts:
        explain(text)
    return 1000 * (time.process_time() - start) / len(texts)


def speed(speech: Sequence[str]) -> str:
    usual, longest = milliseconds(speech), milliseconds([" ".join(["word", "other"] * 100_000)])
    return f"{usual:.1f} ms a transcript, explanations included; a text of 200,000 words takes {longest / 1000:.1f} s."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    speech = [row["text"] for row in read_rows(folder / "transcripts.jsonl")]
    web = [row["text"] for row in read_rows(folder / "webtext.jsonl")]
    parts = [
        "# The offline labeller against people",
        "## People's scores, groups that the weights were not fitted on",
        table(HEADER, [person_row(trait, folder, speech) for trait in FITTED]),
        "Persuasiveness is compared inside its groups alone. Enthusiasm is people's mean of valence and arousal, a stand-in.",
        "## Persuasiveness of debate speeches, of which none was fitted on",
        table(("speeches", "Spearman", "without length", "length alone", "mean inside a speaker"), debate_rows(folder)),
        "## Texts against their own shuffled sentences, documents that the weights were not fitted on",
        table(("texts", "pairs", "told", "aim", "lower", "higher"), order_rows(folder, speech)),
        "## Fillers",
        table(("measure", "texts", "found", "aim"), filler_rows(speech)),
        "## Changes whose effect is known",
        table(
            ("change", "trait", "must go", "texts", "n", "mean", "went down", "went up", "down before rounding"),
            change_rows({"speech": speech, "web": web}),
        ),
        f"## How often each score is given in {len(speech)} real transcripts",
        table(("trait", *map(str, SCORES), "most"), level_rows(speech)),
        speed(speech),
    ]
    write_results(
        "offline_labeller",
        ("numpy", "scikit-learn", "wordfreq", "vaderSentiment"),
        processor_seconds(),
        "\n\n".join(parts),
    )


if __name__ == "__main__":
    main()
