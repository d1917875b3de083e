"""What the branches should weigh: trainings with other weights, each on several seeds, on documents that no training saw.

    python benchmarks/branch_weights.py TRANSCRIPTS [--seeds N] [--part K/N] [--set FIELD=VALUE ...] [--out FOLDER]

TRANSCRIPTS is a file of JSON lines with `id`, `document` and `text`; needs `make smollm2`. Each training takes two thirds of the
documents, and is asked about the others in three ways after its last epoch. What is done is kept under `--out`, so the same
command goes on where it was interrupted. `--part K/N` does every N-th training alone, for several processes at once, each with an
XDG_CACHE_HOME of its own; `--part 0/1` only counts what is there. A page is written when all are there.
One training and its answers take half an hour of one CPU core or more; a GPU makes little of many processes at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from answer_validity import Answered, Asked, Fold, answered, folds_of, read_labelled, run_fold
from results_page import device_and_processor, processor_seconds, table, write_results

from eval.metrics import individual, mean_squared_error, penalised
from feedback_model.records.evaluation import Decoding
from feedback_model.records.recipe import Recipe, recipe_from
from feedback_model.records.training import default_recipe
from feedback_model.training.base_model import SMOLLM2, resolve_base

DECODINGS: tuple[Decoding, ...] = ("free", "template", "direct")
FOLDS = 3


class Weights(NamedTuple):
    """Of the branches' tokens, and of the squared distance of the expected score; a token of an answer has 1."""

    branch: float
    expectation: float


TRIED = (
    Weights(0.0, 0.0),
    Weights(0.25, 0.0),
    Weights(0.25, 0.05),
    Weights(0.25, 0.5),
    Weights(0.25, 2.0),
    Weights(1.0, 2.0),
)


def recipe_of(weights: Weights, seed: int, recipe: Recipe) -> Recipe:
    return replace(recipe, branch_weight=weights.branch, expectation_weight=weights.expectation, seed=seed)


def trainings(fold: Fold, seeds: int) -> dict[tuple[Weights, int], Fold]:
    """The same part of the documents under each of the weights and seeds."""
    return {
        (weights, seed): replace(fold, recipe=recipe_of(weights, seed, fold.recipe))
        for seed in range(seeds)
        for weights in TRIED
    }


def asked_of(fold: Fold) -> list[Asked]:
    return [Asked(f"epoch-{fold.recipe.epochs}", way) for way in DECODINGS]


def error_of(found: Answered) -> float:
    return mean_squared_error(found.labels, penalised(found.said, found.medians))


def shown(values: Sequence[float]) -> str:
    return f"{fmean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def following(found: Answered) -> float:
    """Mean over the traits of Pearson's correlation of scores and labels; a score that never changes has none, which is 0."""
    said = penalised(found.said, found.medians)
    traits = range(said.shape[1])
    known = [np.corrcoef(said[:, at], found.labels[:, at])[0, 1] for at in traits if np.ptp(said[:, at]) > 0]
    return float(sum(known)) / len(traits)


HEADER = (
    "weight of branches",
    "of the expected score",
    "free: valid",
    *(f"MSE, {way}" for way in DECODINGS),
    "correlation with the labels, direct",
)


def row_of(weights: Weights, folds: Sequence[Fold]) -> list[object] | None:
    """What a pair of weights came to over its seeds; None where some are missing."""
    by_way: dict[str, list[Answered]] = {way: [] for way in DECODINGS}
    for fold in folds:
        for name in asked_of(fold):
            if (found := answered(fold, name)) is None:
                return None
            by_way[name.decoding].append(found)
    valid = fmean(float(individual(each.said).mean()) for each in by_way["free"])
    errors = [shown([error_of(each) for each in by_way[way]]) for way in DECODINGS]
    return [*weights, f"{valid:.1%}", *errors, shown([following(each) for each in by_way["direct"]])]


def counted(by_training: dict[tuple[Weights, int], Fold], seeds: int) -> tuple[str, bool]:
    """The table of what is done, and whether all is."""
    rows = [row_of(weights, [by_training[weights, seed] for seed in range(seeds)]) for weights in TRIED]
    done = [row for row in rows if row is not None]
    return table(HEADER, done), len(done) == len(rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--part", default="1/1", help="K/N: every N-th training, from the K-th; 0/1: none")
    parser.add_argument("--base", default=SMOLLM2)
    parser.add_argument("--set", action="append", default=[], help="FIELD=VALUE of the recipe, for all trainings")
    parser.add_argument("--limit", type=int, help="so many transcripts alone, to see that it runs; no page is written")
    parser.add_argument("--out", type=Path, default=Path(".feedback/branch_weights"))
    arguments = parser.parse_args()
    os.environ["WANDB_MODE"] = "disabled"
    started, base = processor_seconds(), resolve_base(arguments.base)
    given = dict(each.split("=", 1) for each in arguments.set)
    recipe = recipe_from(asdict(default_recipe(base)) | {name: float(value) for name, value in given.items()})
    examples = read_labelled(arguments.transcripts)[: arguments.limit]
    fold = folds_of(examples, FOLDS, base, recipe, arguments.out.absolute())[0]
    by_training = trainings(fold, arguments.seeds)
    part, parts = map(int, arguments.part.split("/"))
    for each in list(by_training.values())[part - 1 :: parts] if part else []:
        run_fold(each, asked_of(each))
    text, complete = counted(by_training, arguments.seeds)
    constant = mean_squared_error(
        np.array([each.scores for each in fold.held_out], dtype=float),
        np.tile(np.mean([each.scores for each in fold.train], axis=0), (len(fold.held_out), 1)),
    )
    body = f"""# What the branches should weigh

Base {base.name}, trained for {recipe.epochs} epochs on {len(fold.train)} real transcripts with the offline labeller's labels, and
asked about {len(fold.held_out)} of other documents. Each figure is the mean over {arguments.seeds} seeds, with the least and the
greatest. An answer that is not valid counts as the train median. The train mean of each trait has an MSE of {constant:.2f}.

{text}

{device_and_processor()}.
"""
    used, packages = processor_seconds() - started, ["torch", "transformers", "peft", "bitsandbytes"]
    whole = complete and not (arguments.limit or given)
    write_results("branch_weights", packages, used, body, arguments="TRANSCRIPTS", keep=whole)


if __name__ == "__main__":
    main()
