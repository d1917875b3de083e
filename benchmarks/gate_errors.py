"""How often the gate promotes an epoch that is no better than the champion, and one that is. Seeded.

`python benchmarks/gate_errors.py`; one core, some five minutes.
"""

import time
from dataclasses import replace

import numpy as np
from results_page import table, write_results
from worlds import Array, Worlds, draw_sizes, draw_worlds, labelled, true_mse

from eval.panel import ConstantPredictor, Panel
from eval.promotion.decide import RULES, GateInput, decide
from feedback_model.records.evaluation import Evaluation, JudgedOutput, ModelResult
from feedback_model.records.promotion import Decision, FixedRules

SEED = 20261124
WORLDS, CHUNK = {120: 2000, 300: 2000, 1000: 500}, 50
LARGEST, NOISE, BETTER = 6, 1.4, (1.3, 1.2, 1.1, 1.0)
MODELS = ("champion", "epoch-1", "epoch-2", "epoch-3")
FIXED = FixedRules(1, RULES.rules_id, RULES.version, "before")
MIDDLE = ConstantPredictor(np.full(6, 6.0), np.full(6, 6.0))


def decision_on(worlds: Worlds, world: int, epochs: int = 3) -> tuple[Decision, float]:
    """What the gate says of the best of the first `epochs`, and how much less error it has than the champion here."""
    models = MODELS[: epochs + 1]
    items = [
        labelled(f"t{place}", source, [*map(int, row)])
        for place, (source, row) in enumerate(zip(worlds.sources, worlds.labels[world], strict=True))
    ]
    said = {
        model: tuple(JudgedOutput("strict", tuple(row)) for row in worlds.predictions[place, world].tolist())
        for place, model in enumerate(models)
    }
    errors = worlds.errors[: epochs + 1, world].mean(axis=(1, 2))
    best = models[1 + int(errors[1:].argmin())]
    panel = Panel(tuple(items), said, MIDDLE)
    results = tuple(_result(model, len(items), is_best=model == best) for model in models)
    own = ("e", "now", "d", "r", "validation", "free", "v", "lm", "p", "c", len(items), None, results, ())
    case = GateInput(Evaluation(*own), None, panel, "champion", False, None, RULES, FIXED, "later")
    return decide(case), float(errors[1:].min() - errors[0])


def _result(model: str, n: int, *, is_best: bool) -> ModelResult:
    figures = (n, n, n, n, None, n, None, None, None, None)
    return ModelResult(model, model, model, *figures, is_best, ())


def percent(hits: int, count: int) -> str:
    """A share of worlds with the standard error of the simulation."""
    share = hits / count
    return f"{100 * share:.1f} ± {100 * (share * (1 - share) / count) ** 0.5:.1f}"


def promoted(n: int, noise: float) -> list[str]:
    """Worlds in which the best of three epochs of `noise` takes the place of a champion of `NOISE`, by three gates."""
    rng, count = np.random.default_rng(SEED + n), WORLDS[n]
    by_rules = by_uncorrected = by_figures = 0
    for _ in range(count // CHUNK):
        worlds = draw_worlds(rng, CHUNK, draw_sizes(rng, n, LARGEST), (NOISE, noise, noise, noise), 0.5)
        for world in range(CHUNK):
            decision, difference = decision_on(worlds, world)
            by_rules += decision.verdict == "promote"
            by_uncorrected += _uncorrected(worlds, world, decision) == "promote"
            by_figures += difference < 0
    return [percent(hits, count) for hits in (by_rules, by_uncorrected, by_figures)]


def _uncorrected(worlds: Worlds, world: int, decision: Decision) -> str:
    """The same rules on the chosen epoch as if it had been the only one."""
    chosen = MODELS.index(decision.model)
    alone = replace(worlds, predictions=worlds.predictions[[0, chosen]])
    return decision_on(alone, world, epochs=1)[0].verdict


def main() -> None:
    """Simulate, print, and keep the page."""
    started = time.process_time()
    mses: Array = true_mse(SEED, (NOISE, *BETTER), 0.5)
    columns = ["by the rules", "without sharing alpha over the epochs", "smaller figure"]
    alike = [[n, count, *promoted(n, NOISE)] for n, count in WORLDS.items()]
    better = [
        [n, f"{mse - mses[0]:+.2f}", *promoted(n, noise)]
        for n in WORLDS
        for noise, mse in zip(BETTER, mses[1:], strict=True)
    ]
    body = f"""# Errors of the gate

Simulated validation splits: a champion with an MSE of {mses[0]:.2f}, and three epochs of which the best is chosen and judged on
the same transcripts, as the service does; documents of 1 to {LARGEST} transcripts that resemble each other. After ± stands the
standard error of the simulation. `smaller figure`: what comparing two MSEs would do.

## Three epochs that are as good as the champion: promoted, %

Promised: at most {100 * RULES.alpha / 2:.1f}.

{table(["n", "evaluations", *columns], alike)}

## Three epochs that are better: promoted, %

{table(["n", "true difference in MSE", *columns], better)}
"""
    write_results("gate_errors", ("numpy", "scipy"), time.process_time() - started, body)


if __name__ == "__main__":
    main()
