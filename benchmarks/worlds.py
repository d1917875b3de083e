"""Simulated evaluations whose truth is known.

A world is one evaluation: labels 1 to 10 of six correlated traits on transcripts of documents, and the scores that some
models give them. Errors share a part with the document, the transcript and the other models, as real ones do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feedback_model.feedback import Feedback, TraitFeedback
from feedback_model.records.labels import LabelledTranscript

Array = NDArray[np.float64]
TRAITS = 6


@dataclass(frozen=True, slots=True)
class Worlds:
    """Several worlds over the same documents."""

    sizes: NDArray[np.int64]
    """Transcripts of each document."""
    labels: Array
    """(worlds, transcripts, traits)"""
    predictions: Array
    """(models, worlds, transcripts, traits)"""

    @property
    def sources(self) -> list[str]:
        """The document of each transcript."""
        return [f"d{number}" for number in np.repeat(np.arange(self.sizes.size), self.sizes)]

    @property
    def errors(self) -> Array:
        """Squared errors, in the shape of `predictions`."""
        return (self.predictions - self.labels) ** 2


def labelled(transcript_id: str, source_id: str, scores: Sequence[int]) -> LabelledTranscript:
    """A labelled transcript without a text, of which only its document and scores are used."""
    feedback = Feedback(tuple(TraitFeedback(score, "simulated") for score in scores))
    return LabelledTranscript(transcript_id, source_id, "", "test", "real", feedback)


def draw_sizes(rng: np.random.Generator, n: int, largest: int) -> NDArray[np.int64]:
    """Documents of 1 to `largest` transcripts, `n` transcripts in all."""
    sizes = rng.integers(1, largest + 1, n)
    ends = np.cumsum(sizes)
    last = int(np.searchsorted(ends, n))
    sizes = sizes[: last + 1].copy()
    sizes[-1] -= ends[last] - n
    return sizes


def draw_worlds(
    rng: np.random.Generator, count: int, sizes: NDArray[np.int64], noises: Sequence[float], unevenness: float = 0.0
) -> Worlds:
    """Draw `count` worlds.

    Args:
        noises: standard deviation of each model's error before rounding, in score points.
        unevenness: standard deviation, over documents, of the logarithm of how hard they are.
    """
    hardness = np.exp(unevenness * _per_document(rng, count, sizes))
    labels = _scores(6 + 0.8 * _per_document(rng, count, sizes) + _correlated(rng, count, sizes, 1.4))
    shared = _correlated(rng, count, sizes)
    predictions = [
        _scores(labels + noise * hardness * (0.6 * shared + 0.8 * _correlated(rng, count, sizes))) for noise in noises
    ]
    return Worlds(sizes, labels, np.stack(predictions))


def true_mse(seed: int, noises: Sequence[float], unevenness: float = 0.0) -> Array:
    """The MSE of each model over all traits, from 2.4 million transcripts of documents of one (documents' size has no part)."""
    rng, ones = np.random.default_rng(seed), np.ones(100_000, dtype=np.int64)
    draws = [draw_worlds(rng, 1, ones, noises, unevenness).errors.mean(axis=(1, 2, 3)) for _ in range(24)]
    return np.mean(draws, axis=0)


def draw_valid(
    rng: np.random.Generator, count: int, sizes: NDArray[np.int64], share: float, likeness: float
) -> NDArray[np.bool_]:
    """Whether outputs are valid, (worlds, transcripts): `likeness` is how far segments of a document fail together, 0 to 1."""
    from scipy.stats import norm

    alone = rng.normal(size=(count, int(sizes.sum())))
    together = likeness**0.5 * _per_document(rng, count, sizes)[..., 0] + (1 - likeness) ** 0.5 * alone
    return together < norm.ppf(share)


def _per_document(rng: np.random.Generator, count: int, sizes: NDArray[np.int64]) -> Array:
    return np.repeat(rng.normal(size=(count, sizes.size, 1)), sizes, axis=1)


def _correlated(rng: np.random.Generator, count: int, sizes: NDArray[np.int64], scale: float = 1.0) -> Array:
    """Normal noise of standard deviation `scale`: a third from the document, a quarter from the transcript, the rest its own."""
    transcripts = int(sizes.sum())
    document, transcript = _per_document(rng, count, sizes), rng.normal(size=(count, transcripts, 1))
    own = rng.normal(size=(count, transcripts, TRAITS))
    return scale * (0.6 * document + 0.5 * transcript + (1 - 0.6**2 - 0.5**2) ** 0.5 * own)


def _scores(values: Array) -> Array:
    return np.clip(np.rint(values), 1, 10)
