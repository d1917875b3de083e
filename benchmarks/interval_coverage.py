"""How often the 95% intervals of an evaluation hold the truth, beside intervals that ignore documents. Seeded.

`python benchmarks/interval_coverage.py`; one core, about a minute.
"""

import time
from collections.abc import Iterator, Sequence

import numpy as np
from results_page import table, write_results
from scipy import stats
from worlds import Array, Worlds, draw_sizes, draw_valid, draw_worlds, true_mse

from eval.intervals import Interval, clustered_share, error_interval, estimate_mean, estimate_share
from eval.metrics import bounds

SEED = 20261124
WORLDS, CHUNK = 4000, 50  # a share of 95% is then known to 0.7 points, at 95%
SIZES = (30, 67, 120, 500)
NOISES = (1.4, 1.1)
UNEVEN = 0.5  # errors on documents one standard deviation harder than most are 1.6 times as large
SHARE, LIKENESS = 0.9, 0.3
ERRORS = [
    "n",
    "transcripts per document",
    "hardness",
    "documents",
    "MSE",
    "... plain t",
    "... transcripts as documents",
    "... 6n errors pooled",
    "difference of two models",
    "... 6n errors pooled",
]
MISSING = [
    "steepness",
    "valid, %",
    "true MSE",
    "mean MSE of the valid",
    "its interval holds the truth, %",
    "bounds hold the MSE over all, %",
]


def pooled(errors: Array) -> Interval:
    """Student's interval of all six errors of all transcripts, as if each were drawn alone."""
    values = errors.ravel()
    return Interval(*stats.t.interval(0.95, values.size - 1, values.mean(), stats.sem(values)))


def by_transcript(errors: Array) -> Interval:
    """Student's interval of the transcripts' means, as if each were a document of its own."""
    means = errors.mean(axis=1)
    return Interval(*stats.t.interval(0.95, means.size - 1, means.mean(), stats.sem(means)))


def chunks(seed: int, n: int, largest: int, unevenness: float) -> Iterator[Worlds]:
    rng = np.random.default_rng(seed)
    for _ in range(WORLDS // CHUNK):
        yield draw_worlds(rng, CHUNK, draw_sizes(rng, n, largest), NOISES, unevenness)


def intervals_of(errors: Array, sources: Sequence[str]) -> dict[str, Interval | None]:
    """Those of one world under every way of making them; `errors` is (models, transcripts, traits)."""
    means, differences = errors[0].mean(axis=1), (errors[0] - errors[1]).mean(axis=1)
    plain, difference = estimate_mean(means, sources), estimate_mean(differences, sources)
    return {
        "MSE": error_interval(means, sources),
        "MSE, plain t": plain.interval if plain else None,
        "MSE, transcripts as documents": by_transcript(errors[0]),
        "MSE, 6n errors pooled": pooled(errors[0]),
        "difference": difference.interval if difference else None,
        "difference, 6n pooled": pooled(errors[0] - errors[1]),
    }


def cover_errors(n: int, largest: int, unevenness: float, truth: Array) -> list[object]:
    """Of one kind of world: mean number of documents, and the coverage of every interval, in percent."""
    held: dict[str, list[bool]] = {}
    documents: list[int] = []
    for worlds in chunks(SEED + n, n, largest, unevenness):
        sources, errors = worlds.sources, worlds.errors
        documents.append(worlds.sizes.size)
        for world in range(CHUNK):
            for name, interval in intervals_of(errors[:, world], sources).items():
                target = truth[0] - truth[1] if name.startswith("difference") else truth[0]
                held.setdefault(name, []).append(interval is not None and interval.low <= target <= interval.high)
    return [f"{np.mean(documents):.0f}", *(f"{100 * np.mean(each):.1f}" for each in held.values())]


def error_rows() -> list[list[object]]:
    rows: list[list[object]] = []
    for unevenness in (0.0, UNEVEN):
        truth = true_mse(SEED, NOISES, unevenness)
        rows += [
            [n, size, "uneven" if unevenness else "even", *cover_errors(n, largest, unevenness, truth)]
            for size, largest in {"1": 1, "1-6": 6}.items()
            for n in SIZES
        ]
    return rows


def exact_bootstrap(errors: Array) -> Interval:
    """The percentile bootstrap of the mean error without a seed: the whole law of the resampled sum, by convolution.

    It can be had because squared errors are whole numbers: `errors` is (transcripts, traits), summed per transcript.
    """
    sums = errors.sum(axis=1).astype(int)
    n, longest = len(sums), len(sums) * int(sums.max()) + 1
    once = np.bincount(sums, minlength=longest) / n
    law = np.fft.irfft(np.fft.rfft(once, longest) ** n, longest)
    low, high = np.searchsorted(np.cumsum(law), [0.025, 0.975]) / errors.size
    return Interval(float(low), float(high))


def seedless_rows() -> list[list[object]]:
    """Documents of one transcript, where the bootstrap needs no clusters and can be computed whole."""
    rows: list[list[object]] = []
    truth = float(true_mse(SEED, NOISES)[0])
    for n in SIZES[:-1]:
        held = {"ours": 0, "bootstrap": 0}
        for worlds in chunks(SEED + n, n, 1, 0.0):
            for errors in worlds.errors[0]:
                found = {
                    "ours": error_interval(errors.mean(axis=1), worlds.sources),
                    "bootstrap": exact_bootstrap(errors),
                }
                for name, interval in found.items():
                    held[name] += interval is not None and interval.low <= truth <= interval.high
        rows.append([n, *(f"{100 * each / WORLDS:.1f}" for each in held.values())])
    return rows


def validity_rows() -> list[list[object]]:
    rows: list[list[object]] = []
    for likeness in (0.0, LIKENESS, 2 * LIKENESS):
        for n in SIZES:
            rng, held = np.random.default_rng(SEED + n), {"clustered": 0, "exact": 0}
            for _ in range(WORLDS // CHUNK):
                sizes = draw_sizes(rng, n, 6)
                sources = [f"d{number}" for number in np.repeat(np.arange(sizes.size), sizes)]
                for valid in draw_valid(rng, CHUNK, sizes, SHARE, likeness):
                    found = {"clustered": clustered_share(valid, sources), "exact": estimate_share(int(valid.sum()), n)}
                    for name, interval in found.items():
                        held[name] += interval is not None and interval.low <= SHARE <= interval.high
            rows.append([n, likeness, *(f"{100 * each / WORLDS:.1f}" for each in held.values())])
    return rows


def missing_rows() -> list[list[object]]:
    """Outputs fail where they would have been wrong: what the valid ones say, and what the bounds say."""
    rows: list[list[object]] = []
    truth = float(true_mse(SEED, NOISES)[0])
    for steepness in (0.0, 0.3, 1.0):
        rng, means, valid, covered, bounded = np.random.default_rng(SEED), [], 0, 0, 0
        for worlds in chunks(SEED, 120, 6, 0.0):
            for world in range(CHUNK):
                labels, said = worlds.labels[world], worlds.predictions[0, world]
                errors = ((said - labels) ** 2).mean(axis=1)
                fails = rng.random(120) < 1 / (1 + np.exp(0.4 - steepness * (errors - truth)))
                interval = error_interval(
                    errors[~fails], [s for s, f in zip(worlds.sources, fails, strict=True) if not f]
                )
                low, high = bounds(labels, np.where(fails[:, None], np.nan, said)) or (0.0, 0.0)
                means.append(errors[~fails].mean())
                valid += int((~fails).sum())
                covered += interval is not None and interval.low <= truth <= interval.high
                bounded += low <= errors.mean() <= high
        shares = [f"{100 * each / WORLDS:.1f}" for each in (covered, bounded)]
        rows.append([steepness, f"{100 * valid / WORLDS / 120:.0f}", f"{truth:.2f}", f"{np.mean(means):.2f}", *shares])
    return rows


def main() -> None:
    started = time.process_time()
    body = f"""# Coverage of the 95% intervals

{WORLDS} simulated evaluations per row: a figure of 95.0 is known to 0.7 points. Documents have 1 or 1 to 6 transcripts;
errors of one document, of one transcript's six traits, and of two models are correlated. In `uneven` worlds some documents
are much harder than others.

{table(ERRORS, error_rows())}

`MSE` and `difference` are the intervals of every evaluation: `error_interval` and `estimate_mean(...).interval`.

## An interval that could be exact and seedless

Scores are whole numbers, so the percentile bootstrap can be computed instead of drawn. It is exact as a bootstrap, and covers
less.

{table(["n", "ours", "exact percentile bootstrap"], seedless_rows())}

## Share of valid outputs

True share {SHARE:.0%}, documents of 1 to 6 transcripts; `likeness` is how far segments of a document fail together.

{table(["n", "likeness", "clustered (ours)", "Clopper-Pearson on transcripts"], validity_rows())}

## Outputs that are missing where they would have been wrong

n = 120; `steepness` is how much the odds of failing grow with the squared error.

{table(MISSING, missing_rows())}
"""
    write_results("interval_coverage", ("numpy", "scipy"), time.process_time() - started, body)


if __name__ == "__main__":
    main()
