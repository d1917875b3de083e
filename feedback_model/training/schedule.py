"""The learning rate as a pure function of the step, so that there is no scheduler state to save."""

import math

from feedback_model.training.recipe import Recipe


def learning_rate_at(recipe: Recipe, step: int, n_steps: int) -> float:
    """Learning rate of update `step` (from 1) of `n_steps`: a linear rise to the peak, then half a cosine towards zero."""
    warmup = max(1, round(recipe.warmup_fraction * n_steps))
    if step <= warmup:
        return recipe.learning_rate * step / warmup
    progress = (step - warmup) / max(1, n_steps + 1 - warmup)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
