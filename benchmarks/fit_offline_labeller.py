"""Fit the offline labeller's weights to people's scores, and write them beside its code.

    python benchmarks/fit_offline_labeller.py FOLDER

FOLDER holds `human/{formality,persuasiveness,empathy,enthusiasm_proxy}.jsonl` (id, group, text, score or valence and
arousal, scale), `transcripts.jsonl` and `webtext.jsonl` (document, genre, text). `offline_labeller.py` measures what
weights fitted so reach on groups that they were not fitted on.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.linear_model import Ridge

from feedback_model.demo.labeller.cohesion import measure_order
from feedback_model.demo.labeller.measures import measure
from feedback_model.demo.labeller.reading import read
from feedback_model.demo.labeller.scores import raw_score
from feedback_model.demo.labeller.terms import CONNECTED, FITTED, FLOOR, ORDERED
from feedback_model.demo.labeller.weights import CLIPPED, Term, TraitWeights
from feedback_model.labelling.metamorphic import shuffle_sentences

WEIGHTS = Path(__file__).parents[1] / "feedback_model/demo/labeller/weights.json"
ATTRIBUTION = {
    "formality": "Pavlick and Tetreault 2016, by IgorFreik/Formality_Detection, CC BY 3.0",
    "persuasiveness": "Habernal and Gurevych 2016 (UKPConvArg1), CC BY 4.0",
    "empathy": "Buechel et al. 2018 (empathic_reactions), CC BY 4.0",
    "enthusiasm": "EmoBank, Buechel and Hahn 2017, CC BY-SA 4.0",
}
RIDGE = 100.0
FOLDS = {"formality": 2, "persuasiveness": 5, "empathy": 10, "enthusiasm": 10}
"""Formality has two groups: each is scored by weights fitted on the other."""
SPREAD = {"formality": 1.6, "persuasiveness": 1.8, "enthusiasm": 1.9, "empathy": 1.17, "transition_logic": 2.0}
"""Standard deviation of scores over real speech. Empathy's is small: people agree little, and more spread would cost
more than it tells."""
KNOTS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of real speech at which the scale is pinned."""
TAILS = {
    "formality": (2.5, 2.5),
    "persuasiveness": (2.5, 2.5),
    "enthusiasm": (2.5, 2.5),
    "empathy": (1.5, 0.35),
    "transition_logic": (2.5, 2.5),
}
"""How much steeper the scale is below and above these than between them: what is rare in speech reaches 1 and 10. Empathy's
is flatter above, where speech is rare and essays on misfortunes are many."""
RAISED = {"empathy": 0.2}
"""What the middle of speech stands above people's scale: by the rubric, a text that touches nobody is a 5."""
SMALLEST = 0.005
"""Weight below which a measure is left out."""
SHUFFLES = 4
CONNECTED_SHARE = 0.4
"""What connecting words count beside order, whose spread is 1."""

Measured = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Scored:
    """Texts that people scored on one trait."""

    texts: list[str]
    scores: np.ndarray
    """Moved to 1..10, from the scale they were given on."""
    groups: np.ndarray
    inside: bool
    """True where scores can be compared inside a group alone."""


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_scored(folder: Path, trait: str) -> Scored:
    rows = read_rows(folder / "human" / f"{'enthusiasm_proxy' if trait == 'enthusiasm' else trait}.jsonl")
    low, high = rows[0].get("scale", (0, 1))
    given = np.array([row["score"] if "score" in row else (row["valence"] + row["arousal"]) / 2 for row in rows])
    groups = np.array([row["group"] for row in rows])
    if trait == "enthusiasm":  # one corpus: neighbouring sentences of one document stay together
        groups = np.array([row["id"].rsplit("_", 2)[0] for row in rows])
    return Scored(
        [row["text"] for row in rows], 1 + 9 * (given - low) / (high - low), groups, trait == "persuasiveness"
    )


def measured(texts: Sequence[str]) -> list[Measured]:
    return [measure(reading) | measure_order(reading) for reading in map(read, texts)]


def matrix(rows: Sequence[Measured], names: Sequence[str]) -> np.ndarray:
    return np.array([[np.nan if row[name] is None else row[name] for name in names] for row in rows], dtype=np.float64)


def fit(
    values: np.ndarray, scores: np.ndarray, signs: Mapping[str, int], least: Mapping[str, float]
) -> tuple[tuple[Term, ...], float]:
    """Fit weights that have the signs they may have and are at `least` so large; measures that help nothing are left out."""
    mean, deviation = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    usable = deviation > 0
    deviation = np.where(usable, deviation, 1.0)
    sign = np.array(list(signs.values()))
    standard = np.nan_to_num(np.clip((values - mean) / deviation, -CLIPPED, CLIPPED)) * sign * usable
    floor = np.array([least.get(name, 0.0) for name in signs])
    model = Ridge(RIDGE, positive=True).fit(standard, scores - standard @ floor)
    weights = (floor + model.coef_) * sign
    terms = tuple(
        Term(name, round(float(mean[k]), 6), round(float(deviation[k]), 6), round(float(weights[k]), 5))
        for k, name in enumerate(signs)
        if abs(weights[k]) > SMALLEST
    )
    return terms, float(model.intercept_)


def knots(raw: np.ndarray, trait: str, centre: float | None = None) -> tuple[tuple[float, float], ...]:
    """Pin the scale to raw scores of real speech."""
    centre = float(np.median(raw)) + RAISED.get(trait, 0.0) if centre is None else centre
    inner = [(float(np.quantile(raw, q)), centre + SPREAD[trait] * float(norm.ppf(q))) for q in KNOTS]
    (low, low_score), (high, high_score) = inner[0], inner[-1]
    slope = (high_score - low_score) / (high - low)
    below, above = TAILS[trait]
    ends = (low - (low_score - 1) / (below * slope), 1.0), (high + (10 - high_score) / (above * slope), 10.0)
    return tuple((round(at, 4), round(score, 3)) for at, score in (ends[0], *inner, ends[1]))


def fit_trait(
    trait: str, scored: Scored, rows: Sequence[Measured], train: np.ndarray, speech: Sequence[str]
) -> TraitWeights:
    names = list(FITTED[trait])
    terms, intercept = fit(matrix([rows[k] for k in train], names), scored.scores[train], FITTED[trait], FLOOR[trait])
    return with_scale(TraitWeights(terms, round(intercept, 5), ()), trait, speech)


def with_scale(weights: TraitWeights, trait: str, speech: Sequence[str], centre: float | None = None) -> TraitWeights:
    raw = np.array(
        [
            raw_score(trait, weights, (reading := read(text)), measure(reading) | measure_order(reading))
            for text in speech
        ]
    )
    return TraitWeights(weights.terms, weights.intercept, knots(raw, trait, centre))


def shuffled_pairs(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str], np.ndarray, np.ndarray]:
    pairs = [
        (row["text"], changed, row["document"], row["genre"] == "prepared speech")
        for row in rows
        for seed in range(SHUFFLES)
        if (changed := shuffle_sentences(row["text"], seed)) is not None and len(read(changed).sentences) > 2
    ]
    before, after, documents, prepared = zip(*pairs, strict=True)
    return list(before), list(after), np.array(documents), np.array(prepared)


def fit_order(before: Sequence[Measured], after: Sequence[Measured], speech: Sequence[str]) -> TraitWeights:
    """Fit what tells a text from its shuffled self, scale it to spread 1 over speech, and set connecting words beside it."""
    first, second = matrix(before, list(ORDERED)), matrix(after, list(ORDERED))
    deviation = np.nanstd(first, axis=0)
    difference = np.nan_to_num((first - second) / deviation)
    model = Ridge(RIDGE, positive=True, fit_intercept=False).fit(
        np.concatenate([difference, -difference]), np.repeat([1.0, -1.0], len(difference))
    )
    spoken = measured(speech)
    values = matrix(spoken, list(ORDERED))
    mean = np.nanmean(values, axis=0)
    raw = np.nan_to_num(np.clip((values - mean) / deviation, -CLIPPED, CLIPPED)) @ model.coef_
    weights = model.coef_ / raw.std()
    order = [Term(n, *(round(float(v), 5) for v in (mean[k], deviation[k], weights[k]))) for k, n in enumerate(ORDERED)]
    words = matrix(spoken, list(CONNECTED))
    scale = CONNECTED_SHARE / ((words - words.mean(0)) / words.std(0)).sum(axis=1).std()
    connected = [
        Term(n, *(round(float(v), 5) for v in (words[:, k].mean(), words[:, k].std(), scale)))
        for k, n in enumerate(CONNECTED)
    ]
    return with_scale(TraitWeights((*order, *connected), 0.0, ()), "transition_logic", speech, centre=5.5)


def write_weights(folder: Path, speech: Sequence[str]) -> None:
    traits = {}
    for trait in FITTED:
        scored = read_scored(folder, trait)
        rows = measured(scored.texts)
        traits[trait] = asdict(fit_trait(trait, scored, rows, np.arange(len(rows)), speech))
    rows = read_rows(folder / "transcripts.jsonl") + read_rows(folder / "webtext.jsonl")
    before, after, _, _ = shuffled_pairs(rows)
    traits["transition_logic"] = asdict(fit_order(measured(before), measured(after), speech))
    document = {"fitted_by": f"benchmarks/{Path(__file__).name}", "fitted_on": ATTRIBUTION, "traits": traits}
    WEIGHTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    write_weights(asked.folder, [row["text"] for row in read_rows(asked.folder / "transcripts.jsonl")])
