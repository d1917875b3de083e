"""Training stops where the loss runs away, and nowhere else."""

import random

from feedback_model.training.state import Position


def position_after(losses):
    position = Position()
    for loss in losses:
        position.step_done(loss, 1)
    return position


def test_a_loss_that_runs_away_is_divergence():
    position = position_after([2.5 - 0.02 * step for step in range(100)])
    grown = [position.smooth_loss * 1.5**step for step in range(1, 20)]
    assert not position.has_diverged(grown[0])
    for loss in grown[:-1]:
        position.step_done(loss, 1)
    assert position.has_diverged(grown[-1])


def test_noise_is_no_divergence():
    drawn = random.Random(0)
    position = Position()
    for step in range(500):
        loss = 2.5 * 0.99**step + drawn.expovariate(4)
        assert not position.has_diverged(loss)
        position.step_done(loss, 1)


def test_a_single_bad_batch_is_no_divergence():
    assert not position_after([0.3] * 50).has_diverged(8.0)
