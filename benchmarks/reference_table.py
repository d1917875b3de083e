"""What the reference project's published table says, and what it cannot say, by our functions. No chance in it.

`python benchmarks/reference_table.py`; seconds. Not collected by pytest.
"""

import time
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from reference_rules import measure_as_reference
from results_page import table, write_results
from scipy import optimize

from eval.exact_tests import adjust_by_holm, sign_flip_p_value
from eval.intervals import estimate_share
from eval.metrics import bounds, error_range, individual
from feedback_model.traits import TRAIT_KEYS

N = 120
VALID = {"base-nf4": 69, "epoch-1": 114, "epoch-2": 119, "epoch-3": 119}
N_COMMON = 67
INDIVIDUAL = {
    "base-nf4": (4.9420, 7.0290, 8.7536, 8.8261, 10.7681, 11.0145),
    "epoch-1": (2.7456, 1.4649, 2.1667, 3.0789, 2.8070, 1.1930),
    "epoch-2": (2.2185, 1.6218, 1.9832, 3.2017, 3.4622, 1.3361),
    "epoch-3": (1.9244, 1.4454, 1.7311, 2.4622, 3.2101, 1.1933),
}
COMMON = {
    "base-nf4": (4.9403, 6.9403, 8.5075, 8.4925, 11.0149, 10.9701),
    "epoch-1": (3.1045, 1.5075, 2.1642, 3.1493, 3.0746, 1.2836),
    "epoch-2": (2.4925, 1.9851, 1.9104, 4.3284, 4.1642, 1.4179),
    "epoch-3": (2.0746, 1.7015, 1.5821, 2.1940, 3.6866, 1.0448),
}
PUBLISHED = {
    "base-nf4": (8.5556, 8.4776),
    "epoch-1": (2.2427, 2.3806),
    "epoch-2": (2.3039, 2.7164),
    "epoch-3": (1.9944, 2.0473),
}
INVALID_LINES = {"epoch-1": (47, 49, 79, 80, 83, 113), "epoch-2": (83,), "epoch-3": (109,)}
KNOWN_INVALID_BASE = (4, 5, 8, 9, 10, 11, 14, 17, 18, 19)  # the first ten of 51; the others are not published
FULL_VALID, BOTH_VALID = 111, 62  # of the unquantised base; of it and base-nf4 together
LABEL_MEANS = (6.90, 6.53, 5.62, 5.61, 8.36, 6.45)
LABEL_RANGES = ((4, 9), (3, 9), (2, 9), (3, 10), (2, 10), (3, 8))
LABELS_ABOVE_SIX = (84, 64, 30, 30, 109, 63)

Array = NDArray[np.float64]
ABOUT = """\
The figures are those of `eval/json_evaluation_metrics_*.txt` in J-Ding00/LLM-fine-tune at 7fe2383: 120 test transcripts, six
traits. Squared errors of whole scores are whole, so each published MSE gives back its exact sum; a table of labels and
predictions with these sums, the published numbers of valid outputs and the published places of invalid ones then goes
through the code that evaluates our models. Labels stand at the top of their published range, where a missing prediction can
be furthest from them."""


def squared_sums(mses: tuple[float, ...], n: int) -> list[int]:
    """The whole sums behind published means; fails where one is no multiple of 1 / n, which would mean an error in print."""
    sums = [round(mse * n) for mse in mses]
    assert all(abs(total / n - mse) < 5.01e-5 for total, mse in zip(sums, mses, strict=True))
    return sums


def errors_with(total: int, n: int, largest: int) -> Array:
    """`n` whole errors of at most `largest` whose squares sum to `total`."""
    errors = np.zeros(n)
    for place in range(n):
        errors[place] = min(largest, int(total**0.5))
        total -= int(errors[place] ** 2)
    assert total == 0
    return errors


def validity() -> dict[str, NDArray[np.bool_]]:
    """Who is valid where: as published for the epochs; for the base one of the ways that fit what is published."""
    valid = {model: np.ones(N, dtype=bool) for model in VALID}
    for model, lines in INVALID_LINES.items():
        valid[model][np.array(lines) - 1] = False
    any_epoch = ~(valid["epoch-1"] & valid["epoch-2"] & valid["epoch-3"])
    failed = [line - 1 for line in KNOWN_INVALID_BASE] + np.flatnonzero(any_epoch)[
        VALID["base-nf4"] - N_COMMON :
    ].tolist()
    free = [line for line in range(N - 1, -1, -1) if line not in failed and not any_epoch[line]]
    valid["base-nf4"][failed + free[: N - VALID["base-nf4"] - len(failed)]] = False
    return valid


def reconstruct() -> tuple[Array, dict[str, Array]]:
    """Labels and predictions with every published sum and count."""
    valid = validity()
    shared = np.logical_and.reduce(list(valid.values()))
    assert {model: int(mask.sum()) for model, mask in valid.items()} == VALID
    assert shared.sum() == N_COMMON
    labels = np.tile(np.array([float(high) for _, high in LABEL_RANGES]), (N, 1))
    return labels, {model: predictions(labels, model, mask, shared) for model, mask in valid.items()}


def predictions(labels: Array, model: str, valid: NDArray[np.bool_], shared: NDArray[np.bool_]) -> Array:
    """What `model` said: on the shared transcripts with the common sums, on its others with what is left of its own."""
    said = np.full(labels.shape, np.nan)
    alone = valid & ~shared
    common_sums, own_sums = squared_sums(COMMON[model], N_COMMON), squared_sums(INDIVIDUAL[model], VALID[model])
    for trait, (inner, own) in enumerate(zip(common_sums, own_sums, strict=True)):
        largest = LABEL_RANGES[trait][1] - 1
        for mask, total in ((shared, inner), (alone, own - inner)):
            said[mask, trait] = labels[mask, trait] - errors_with(total, int(mask.sum()), largest)
    return said


def table_rows(labels: Array, said: dict[str, Array]) -> list[list[object]]:
    """Published and reproduced figures, with what the published table leaves out."""
    rows: list[list[object]] = []
    for model, (own, inner) in measure_as_reference(labels, said).items():
        published = PUBLISHED[model]
        assert own is not None
        assert inner is not None
        assert (round(own, 4), round(inner, 4)) == published
        share, limits = estimate_share(VALID[model], N), bounds(labels, said[model])
        assert share is not None
        assert limits is not None
        counts = [f"{VALID[model]} / {N}", f"{100 * share.low:.1f} to {100 * share.high:.2f} %"]
        mses = [f"{each:.4f}" for each in (published[0], own, published[1], inner)]
        rows.append([model, *counts, *mses, f"{limits[0]:.2f} to {limits[1]:.2f}"])
    return rows


def ranking_rows(labels: Array, said: dict[str, Array]) -> list[list[object]]:
    """Each pair: what is published of the difference, and what it could be over all 120 whatever the invalid outputs hid."""
    rows: list[list[object]] = []
    for worse, better in combinations(said, 2):
        (low, high), (other_low, other_high) = error_range(labels, said[better]), error_range(labels, said[worse])
        least, most = float((low - other_high).mean()), float((high - other_low).mean())
        published = [PUBLISHED[better][place] - PUBLISHED[worse][place] for place in (0, 1)]
        verdict = "yes" if most < 0 or least > 0 else "no"
        rows.append(
            [f"{better} less {worse}", *(f"{each:+.2f}" for each in published), f"{least:.2f} to {most:+.2f}", verdict]
        )
    return rows


def validity_rows(said: dict[str, Array]) -> list[list[object]]:
    """McNemar's exact test of every pair whose discordant outputs are published."""
    sources = [str(number) for number in range(N)]
    pairs = [("epoch-2", "epoch-1"), ("epoch-3", "epoch-1"), ("epoch-3", "epoch-2")]
    differences = [individual(said[one]).astype(float) - individual(said[two]).astype(float) for one, two in pairs]
    only_full, only_nf4 = FULL_VALID - BOTH_VALID, VALID["base-nf4"] - BOTH_VALID
    differences.append(np.repeat([1.0, -1.0, 0.0], [only_full, only_nf4, N - only_full - only_nf4]))
    p_values = [sign_flip_p_value(each, sources) for each in differences]
    return [
        [f"{one} against {two}", int((each > 0).sum()), int((each < 0).sum()), f"{p_value:.2g}", f"{adjusted:.2g}"]
        for (one, two), each, p_value, adjusted in zip(
            [*pairs, ("base", "base-nf4")], differences, p_values, adjust_by_holm(p_values), strict=True
        )
    ]


def variance_range(trait: int) -> tuple[float, float]:
    """The least and the greatest variance that 120 labels with the published mean, range and count above six can have."""
    around = int(LABEL_MEANS[trait] * N)
    totals = [total for total in range(around - 1, around + 3) if round(total / N, 2) == LABEL_MEANS[trait]]
    ends = [extreme_variance(trait, total, sign) for total in totals for sign in (1, -1)]
    return min(ends), max(ends)


def extreme_variance(trait: int, total: int, sign: int) -> float:
    """The least (sign 1) or greatest (-1) variance of labels that sum to `total`: an integer programme over their counts."""
    (low, high), above = LABEL_RANGES[trait], LABELS_ABOVE_SIX[trait]
    optimizer: Any = optimize  # its stubs know no arrays
    scores = np.arange(low, high + 1)
    asked = [N, total, above]
    counts = optimizer.LinearConstraint(np.vstack([np.ones_like(scores), scores, scores > 6]), asked, asked)
    attained = np.where((scores == low) | (scores == high), 1, 0)  # both ends of the range occur
    limits = optimizer.Bounds(attained, N)
    found = optimizer.milp(sign * scores**2, constraints=counts, integrality=np.ones_like(scores), bounds=limits)
    return float(abs(found.fun) / N - (total / N) ** 2)


def constant_rows(labels: Array, said: dict[str, Array]) -> list[list[object]]:
    """Per trait: what the best constant could score on these labels, and epoch 3."""
    rows: list[list[object]] = []
    low, high = (side.mean(axis=0) for side in error_range(labels, said["epoch-3"]))
    for number, trait in enumerate(TRAIT_KEYS):
        least, most = variance_range(number)
        verdict = "epoch 3" if high[number] < least else "the constant" if low[number] > most else "cannot be told"
        rows.append([trait, f"{least:.2f} to {most:.2f}", f"{low[number]:.2f} to {high[number]:.2f}", verdict])
    return rows


def samples_for(share: float) -> int:
    """Outputs that must all be valid before more than `share` is shown at 95%, one-sided."""
    n = 1
    while (interval := estimate_share(n, n, level=0.9)) is not None and interval.low <= share:
        n += 1
    return n


def main() -> None:
    started = time.process_time()
    labels, said = reconstruct()
    overview = ["model", "valid", "95% (exact)", "MSE individual: published", "ours", "common (67): published", "ours"]
    constants = constant_rows(labels, said)
    told = sum(row[-1] == "epoch 3" for row in constants)
    body = f"""# The reference project's table

{ABOUT}

## Reproduced

{table([*overview, "MSE of all 120 lies in"], table_rows(labels, said))}

Every published MSE is a whole sum over its number of outputs, and the sums on the common outputs fit into those on all: the
table is consistent with itself. Its individual column compares 69 transcripts of one model with 119 of another.

"More than 99% valid" is 119 of 120: it shows 95.4%. To show more than 99% takes {samples_for(0.99)} valid outputs in a row, more
than 99.9% {samples_for(0.999):,}.

## Which rankings survive whatever the invalid outputs hid

{table(["MSE", "published, individual", "published, common", "over all 120", "survives"], ranking_rows(labels, said))}

That epochs 2 and 3 are better than the base, no missing output could overturn; which epoch is best, they could.

## Validity, paired

{table(["pair", "only the first valid", "only the second", "p, exact McNemar", "p, Holm"], validity_rows(said))}

## Is it better than saying one number?

The MSE of the best constant is the variance of the labels, which is not published; their mean, range and number above six
are, and leave it this much room:

{table(["trait", "best constant's MSE", "epoch 3's MSE, over all 120", "better for certain"], constants)}

On {told} of 6 traits does what is published show that epoch 3 says more than the labels' mean; it may, and cannot be told.

## What cannot be reproduced

- The predictions and labels are not published, so intervals of an MSE, paired tests of MSE, rank tiers, agreement (kappa,
  Spearman), calibration and MSE per score level cannot be computed.
- Which outputs would be strictly valid: the published validity is after repair (`benchmarks/reference_rules.py` has its
  rules, and sets them beside ours on any evaluation of this service).
- The noise of GPT-4o-mini's labels, hence the least MSE that any model could have.
- `docs/DETAILS.md` there prints the common figures under the heading of the individual ones.
"""
    write_results("reference_table", ["numpy", "scipy"], time.process_time() - started, body)


if __name__ == "__main__":
    main()
