"""How far the labeller is from itself: no model can be told to be closer to its labels than that.

With independent labels of one transcript, the mean of (y1 - y2)^2 is 2 s^2, s^2 being the variance of the labeller's
noise. A model that knew the labeller's mean exactly would have an MSE of s^2 against one label, and the labeller against
itself has 2 s^2. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.intervals import Interval, error_interval
from feedback_model.store.evaluation_records import NoiseFloor, RelabelledItem
from feedback_model.traits import TRAIT_KEYS

Variances = NDArray[np.float64]


def label_variances(items: Sequence[RelabelledItem]) -> Variances:
    """The unbiased variance of each transcript's labels; one row per transcript, one column per trait."""
    rows = [np.var(np.array(item.labels, dtype=np.float64), axis=0, ddof=1) for item in items]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(TRAIT_KEYS))


def measure_noise_floor(items: Iterable[RelabelledItem], n_labelled: int) -> tuple[NoiseFloor, ...]:
    """The floor of each trait, and of the mean over traits under the name `all`; empty without relabelled transcripts.

    Intervals are clustered on the document, as every interval here.

    Args:
        n_labelled: transcripts that could have been labelled again.
    """
    items = [item for item in items if len(item.labels) > 1]
    if not items:
        return ()
    variances, sources = label_variances(items), [item.source_id for item in items]
    columns: Mapping[str, Variances] = {
        "all": variances.mean(axis=1),
        **{trait: variances[:, column] for column, trait in enumerate(TRAIT_KEYS)},
    }
    return tuple(_floor(name, values, error_interval(values, sources), n_labelled) for name, values in columns.items())


def _floor(trait: str, variances: Variances, interval: Interval | None, n_labelled: int) -> NoiseFloor:
    low, high = interval or (None, None)
    n_used = len(variances)
    return NoiseFloor(trait, float(variances.mean()), low, high, n_used, n_labelled, n_labelled - n_used)
