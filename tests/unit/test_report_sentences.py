"""The report's first sentence says what is known, and no more."""

import pytest

from eval.report.text import state_effect, state_verdict

EVALUATION = {"n_test": 61, "split": "test", "decoding": "free"}
BEST = {"model": "epoch-1", "mse_penalised": 3.92}


def verdict(difference: float | None, low: float | None, high: float | None, distinguishable: bool = False) -> str:
    compared = {"other": "base-nf4", "difference": difference, "ci_low": low, "ci_high": high}
    return state_verdict(EVALUATION, BEST, compared | {"distinguishable": distinguishable}, None)


@pytest.mark.parametrize(
    ("compared", "said"),
    [
        ((-7.2, -7.8, -6.6, True), "7.20 lower than base-nf4's (95% interval 6.60 to 7.80 lower)."),
        (
            (0.1, -0.2, 0.4),
            "0.10 higher than base-nf4's (95% interval 0.20 lower to 0.40 higher: not distinguishable).",
        ),
        ((0.0, 0.0, 0.0), "level with base-nf4's (their errors are equal on every document)."),
        ((0.1, None, None), "0.10 higher than base-nf4's (too few documents to put an interval around it)."),
    ],
)
def test_a_difference_has_an_interval_or_a_reason(compared, said):
    assert verdict(*compared).endswith(said)


def test_nothing_compared_is_said_to_be_so():
    assert verdict(None, None, None).endswith("its mean squared error is 3.92; it was compared with no other model.")


@pytest.mark.parametrize(
    ("model", "decoding", "said"),
    [
        ("epoch-1", "free", "Hold epoch-1: on 61 test transcripts its mean squared error is 3.92;"),
        ("epoch-1", "template", "Hold epoch-1, asked as template: on 61 test transcripts, asked as free, its mean"),
        (
            "epoch-2",
            "template",
            "Hold epoch-2, asked as template: on 61 test transcripts, asked as free, epoch-1's mean",
        ),
    ],
)
def test_the_verdict_says_which_model_asked_how(model, decoding, said):
    decision = {"verdict": "hold", "model": model, "decoding": decoding}
    assert state_verdict(EVALUATION, BEST, None, decision).startswith(said)


def test_one_transcript_is_one_transcript():
    assert "on 1 test transcript its" in state_verdict(EVALUATION | {"n_test": 1}, BEST, None, None)


@pytest.mark.parametrize(
    ("difference", "distinguishable", "said"),
    [
        (-0.4, True, "Augmentation helped: on 61 real test transcripts"),
        (0.4, True, "Augmentation did not help: on 61 real test transcripts"),
        (-0.1, False, "It cannot be told whether augmentation helped: on 61 real test transcripts"),
        (None, False, "It cannot be told whether augmentation helped: on 61 real test transcripts"),
    ],
)
def test_the_verdict_on_augmentation_does_not_overclaim(difference, distinguishable, said):
    compared = {"model": "epoch-1", "other": "unaugmented", "difference": difference, "ci_low": -0.5, "ci_high": 0.5}
    assert state_effect(61, "test", compared | {"distinguishable": distinguishable}).startswith(said)
