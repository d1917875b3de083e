"""How often the comparisons of an evaluation find a difference where there is none, and how small a one they find. Seeded.

`python benchmarks/test_size.py`; one core, under two minutes. Not collected by pytest.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
from results_page import table, write_results
from scipy import stats
from worlds import Array, Worlds, draw_sizes, draw_valid, draw_worlds, true_mse

from eval.comparisons import ALPHA, MARGINS, PairedPredictions, compare_models, compare_traits
from eval.exact_tests import sign_flip_p_value
from eval.intervals import Estimate, estimate_mean, estimate_share_difference

SEED, CHUNK, LARGEST = 20261124, 20, 6
FAMILIES = {30: 1000, 67: 1000, 120: 1000, 1000: 200}  # worlds by transcripts
PAIRS = {67: 1000, 120: 1000, 1000: 400}
NOISE = 1.4
WORSE = (1.45, 1.5, 1.55, 1.6, 1.7, 1.8, 2.0, 2.3)
MODELS = ("base", "base-nf4", "epoch-1", "epoch-2", "epoch-3")
MARGIN = MARGINS["common"]
FOUND = ("penalised", "common", "validity", "penalised by trait", "common by trait", "naive")
FAMILY = [
    "n",
    "evaluations",
    "penalised",
    "common",
    "validity",
    "penalised by trait",
    "common by trait",
    "unpaired t on 6n errors, uncorrected",
]


def percent(hits: float, n: int) -> str:
    """A share with the standard error of having simulated it."""
    share = hits / n
    return f"{100 * share:.1f} ± {100 * (share * (1 - share) / n) ** 0.5:.1f}"


def draw(rng: np.random.Generator, n: int, noises: Sequence[float]) -> Worlds:
    return draw_worlds(rng, CHUNK, draw_sizes(rng, n, LARGEST), noises)


def paired_predictions(worlds: Worlds, world: int, valid: Array) -> PairedPredictions:
    """Five models of one world, all alike."""
    said = [np.where(valid[model, :, None], worlds.predictions[model, world], np.nan) for model in range(len(MODELS))]
    return PairedPredictions(
        worlds.labels[world], worlds.sources, np.full(6, 6.0), dict(zip(MODELS, said, strict=True))
    )


def unpaired_t(first: Array, second: Array) -> float:
    """What is often done: every score an observation, two samples, no pairing, no clusters."""
    return float(stats.ttest_ind(first.ravel(), second.ravel()).pvalue)


def family_rows() -> list[list[object]]:
    """Worlds in which anything at all was called different, of five models that are alike."""
    rows: list[list[object]] = []
    for n, count in FAMILIES.items():
        rng, found = np.random.default_rng(SEED + n), dict.fromkeys(FOUND, 0)
        for _ in range(count // CHUNK):
            worlds = draw(rng, n, [NOISE] * len(MODELS))
            valid = np.stack([draw_valid(rng, CHUNK, worlds.sizes, 0.9, 0.3) for _ in MODELS])
            for world in range(CHUNK):
                five = paired_predictions(worlds, world, valid[:, world])
                different = {each.measure for each in compare_models(five) if each.distinguishable}
                different |= {f"{each.measure} by trait" for each in compare_traits(five) if each.distinguishable}
                errors = worlds.errors[:, world]
                naive = min(unpaired_t(errors[i], errors[j]) for i in range(5) for j in range(i))
                for name in different | ({"naive"} if naive < ALPHA else set()):
                    found[name] += 1
        rows.append([n, count, *(percent(hits, count) for hits in found.values())])
    return rows


def mcnemar(first: Array, second: Array) -> float:
    """McNemar's exact test on transcripts."""
    gained, lost = int((first > second).sum()), int((second > first).sum())
    return float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def validity_rows() -> list[list[object]]:
    rows: list[list[object]] = []
    for likeness in (0.0, 0.3, 0.6):
        for n, count in PAIRS.items():
            rng, ours, theirs = np.random.default_rng(SEED + n), 0, 0
            for _ in range(count // CHUNK):
                sizes = draw_sizes(rng, n, LARGEST)
                sources = [f"d{number}" for number in np.repeat(np.arange(sizes.size), sizes)]
                pair = [draw_valid(rng, CHUNK, sizes, 0.85, likeness).astype(float) for _ in range(2)]
                for first, second in zip(*pair, strict=True):
                    ours += (sign_flip_p_value(first - second, sources) or 0.0) < ALPHA
                    theirs += mcnemar(first, second) < ALPHA
            rows.append([n, likeness, percent(ours, count), percent(theirs, count)])
    return rows


def share_of_pairs(n: int, noise: float, shown: Callable[[Array, list[str]], bool]) -> tuple[int, int]:
    """In how many worlds something is shown of the differences between a model of `noise` and one of `NOISE`; of how many."""
    rng, hits = np.random.default_rng(SEED + n), 0
    for _ in range(PAIRS[n] // CHUNK):
        worlds = draw(rng, n, (noise, NOISE))
        sources, differences = worlds.sources, worlds.errors[0] - worlds.errors[1]
        hits += sum(shown(each, sources) for each in differences)
    return hits, PAIRS[n]


def power(n: int, noise: float, level: float) -> float:
    hits, count = share_of_pairs(
        n, noise, lambda differences, sources: (sign_flip_p_value(differences.sum(axis=1), sources) or 0.0) < level
    )
    return hits / count


def detectable(n: int, level: float, gaps: Array) -> str:
    """The true difference in MSE that is found in four worlds of five, between the simulated ones by interpolation."""
    powers = np.maximum.accumulate([power(n, noise, level) for noise in WORSE])
    return f"{np.interp(0.8, powers, gaps):.2f}" if powers[0] < 0.8 < powers[-1] else f"> {gaps[-1]:.2f}"


def detectable_rows(gaps: Array) -> list[list[object]]:
    return [[n, detectable(n, ALPHA, gaps), detectable(n, ALPHA / 10, gaps)] for n in PAIRS]


def claims_no_worse(estimate: Estimate | None, margin: float) -> bool:
    return estimate is not None and estimate.chance_of_reaching(margin) < ALPHA / 2


def margin_rows(gaps: Array) -> list[list[object]]:
    """How often "no worse" is claimed of a model that is worse by the margin, and of one that is as good."""

    def shown(differences: Array, sources: list[str]) -> bool:
        return claims_no_worse(estimate_mean(differences.mean(axis=1), sources), MARGIN)

    at_margin = float(np.interp(MARGIN, gaps, WORSE))
    return [[n, *(percent(*share_of_pairs(n, noise, shown)) for noise in (at_margin, NOISE))] for n in PAIRS]


def validity_margin_rows() -> list[list[object]]:
    """How often "no worse" is claimed of a model that is valid five points less often."""
    rows: list[list[object]] = []
    for better in (0.99, 0.95):
        for n, count in PAIRS.items():
            rng, found = np.random.default_rng(SEED + n), {"ours": 0, "plain": 0}
            for _ in range(count // CHUNK):
                sizes = draw_sizes(rng, n, LARGEST)
                sources = [f"d{number}" for number in np.repeat(np.arange(sizes.size), sizes)]
                shares = better, better - MARGINS["validity"]
                first, second = (draw_valid(rng, CHUNK, sizes, share, 0.3).astype(float) for share in shares)
                for differences in first - second:
                    for name, estimate in (("ours", estimate_share_difference), ("plain", estimate_mean)):
                        found[name] += claims_no_worse(estimate(differences, sources), MARGINS["validity"])
            rows.append([n, f"{better:.0%}", *(percent(hits, count) for hits in found.values())])
    return rows


def main() -> None:
    started = time.process_time()
    mses = true_mse(SEED, (NOISE, *WORSE))
    gaps = mses[1:] - mses[0]
    body = f"""# Size and power of the comparisons

Simulated evaluations with documents of 1 to {LARGEST} transcripts (3.5 on average) that resemble each other; the MSE of the
better model is {mses[0]:.2f}. After ± stands the standard error of the simulation.

## Five models that are alike: evaluations in which any is called different, %

All ten pairs (by trait: ten pairs on six traits), Holm's correction, 10% invalid outputs. Promised: at most 5.

{table(FAMILY, family_rows())}

## Two models that are equally often valid: called different, %

True share 85%; `likeness` is how far segments of a document fail together. Promised: at most 5.

{table(["n", "likeness", "sign flips of documents (ours)", "McNemar on transcripts"], validity_rows())}

## Smallest difference in MSE that is found in four of five evaluations

{table(["n", "one pair at 5%", "one of ten pairs (Holm's first step, 0.5%)"], detectable_rows(gaps))}

## "No worse than the margin" of {MARGIN} in MSE: claimed, %

Promised: at most 2.5 of a model that is worse by the margin. The joint verdict asks for three such claims, and errs less often.

{table(["n", "worse by exactly the margin", "as good"], margin_rows(gaps))}

The same of validity, where the margin is {MARGINS["validity"]} and the model is valid so much less often:

{table(["n", "share of the better", "ours", "plain t"], validity_margin_rows())}
"""
    write_results("test_size", ("numpy", "scipy"), time.process_time() - started, body)


if __name__ == "__main__":
    main()
