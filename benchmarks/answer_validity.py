"""How many answers are valid before and after tuning, and how near their scores are, on documents that no training saw.

    python benchmarks/answer_validity.py TRANSCRIPTS [--fold K] [--folds N] [--epochs N] [--out FOLDER]

TRANSCRIPTS is a file of JSON lines with `id`, `document` and `text`; needs `make smollm2`. Labels are the offline labeller's.
For each fold the base is trained on the other folds' documents with its default recipe, and asked about this one's under each
way of decoding: in NF4 as it was, and after the last epoch. What is done is kept under `--out` (training every ten seconds,
answers every few), so the same command goes on where it was interrupted; `--fold K` does one fold, from 1. A page is written
when all folds are there. A fold of three over 381 transcripts takes three quarters of an hour of one core.
"""

import argparse
import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from labelled_speech import dataset_of, read_labelled, train_in
from results_page import device_and_processor, processor_seconds, table, write_results
from sklearn.model_selection import GroupKFold

from eval.intervals import clustered_share, estimate_mean
from eval.metrics import Scores, individual, mean_squared_error, penalised
from feedback_model.inference.infer import model_versions, score_texts
from feedback_model.parsing import judge
from feedback_model.records.evaluation import Decoding
from feedback_model.records.labels import LabelledTranscript
from feedback_model.records.recipe import Recipe
from feedback_model.records.training import BaseModel, ModelVersion, TrainingRun, default_recipe, run_id_of
from feedback_model.training.base_model import SMOLLM2, resolve_base
from feedback_model.training.loading import device_name
from feedback_model.traits import TRAIT_KEYS

AT_ONCE = {"cpu": 40, "cuda": 200}  # transcripts asked about together, and kept together
BEFORE = "base-nf4"
DECODINGS: tuple[Decoding, ...] = ("free", "template", "direct")


@dataclass(frozen=True, slots=True)
class Fold:
    """One part of the documents, and the training on all others."""

    number: int
    """From 1."""
    train: list[LabelledTranscript]
    held_out: list[LabelledTranscript]
    base: BaseModel
    recipe: Recipe
    out: Path

    @property
    def home(self) -> Path:
        """Named by all that decides the weights, so that nothing is taken for what another training made."""
        return self.out / f"fold-{self.number}-{run_id_of(dataset_of(self.train), self.base, self.recipe)[:8]}"

    def answers(self, asked: "Asked") -> Path:
        return self.home / f"{asked.model}-{asked.decoding}.jsonl"


class Asked(NamedTuple):
    """A model and the way in which it is asked."""

    model: str
    decoding: Decoding


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model said of transcripts, beside their labels and what never reading them would say."""

    documents: list[str]
    labels: Scores
    said: Scores
    """NaN where the answer is not strictly valid."""
    means: Scores
    """Of the train labels, a row for each transcript; so the medians."""
    medians: Scores

    def joined_with(self, other: "Answered") -> "Answered":
        pairs = ((self.labels, other.labels), (self.said, other.said), (self.means, other.means))
        labels, said, means = (np.concatenate(pair) for pair in pairs)
        return Answered(
            self.documents + other.documents, labels, said, means, np.concatenate((self.medians, other.medians))
        )


def folds_of(
    examples: Sequence[LabelledTranscript], n_folds: int, base: BaseModel, recipe: Recipe, out: Path
) -> list[Fold]:
    """Parts of about one size, with each document in one of them."""
    split = GroupKFold(n_folds).split(examples, groups=[each.source_id for each in examples])
    return [
        Fold(number, [examples[k] for k in train], [examples[k] for k in held_out], base, recipe, out)
        for number, (train, held_out) in enumerate(split, start=1)
    ]


def read_answers(path: Path) -> dict[str, dict[str, str]]:
    """By transcript; what a kill left of a last line is cut off."""
    if not path.is_file():
        return {}
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        path.write_bytes(whole)
    rows = [json.loads(line) for line in whole.splitlines()]
    return {row["id"]: row for row in rows}


def ask(fold: Fold, model: ModelVersion, decoding: Decoding, max_new_tokens: int) -> None:
    """Have `model` answer about those held out that it has not answered about, and keep each batch at once."""
    path = fold.answers(Asked(model.name, decoding))
    known = read_answers(path)
    missing = [each for each in fold.held_out if each.transcript_id not in known]
    with path.open("a", encoding="utf-8") as kept:
        for batch in batched_by_length(missing):
            outputs = score_texts(fold.home, model, [each.text for each in batch], max_new_tokens, decoding=decoding)
            for each, output in zip(batch, outputs, strict=True):
                raw = output.raw.decode("utf-8", "surrogateescape")
                row = {"id": each.transcript_id, "finish_reason": output.finish_reason, "raw": raw}
                expected = [found.expectation for found in output.distributions or ()]
                kept.write(json.dumps({**row, "n_tokens": output.n_tokens, "expected": expected}) + "\n")
            kept.flush()
            print(f"fold {fold.number}, {model.name}, {decoding}: {len(batch)} answered", file=sys.stderr)


def batched_by_length(examples: Sequence[LabelledTranscript]) -> Iterator[Sequence[LabelledTranscript]]:
    """Batches of similar length, so that little of them is padding."""
    ordered, size = sorted(examples, key=lambda each: len(each.text)), AT_ONCE[device_name()]
    yield from (ordered[start : start + size] for start in range(0, len(ordered), size))


def run_fold(fold: Fold, names: Sequence[Asked]) -> None:
    """Train and ask, what is quick first; whatever is there already is not done again."""
    fold.home.mkdir(parents=True, exist_ok=True)
    run = train_in(fold.home, fold.train, fold.base, fold.recipe)
    models = {model.name: model for model in model_versions(fold.base, run)}
    for name, decoding in sorted(names, key=lambda each: (each.decoding == "free", each.model == BEFORE)):
        ask(fold, models[name], decoding, answer_limit(run))


def answer_limit(run: TrainingRun) -> int:
    """Tokens after which an answer is cut: the longest label, a quarter more, and 16."""
    if run.longest_answer is None:
        raise ValueError("this training did not say how long its longest answer is")
    return math.ceil(1.25 * run.longest_answer) + 16


def answered(fold: Fold, name: Asked) -> Answered | None:
    """The model's answers to the fold, judged; None where some are missing."""
    rows = read_answers(fold.answers(name))
    if any(each.transcript_id not in rows for each in fold.held_out):
        return None
    taught = np.array([each.scores for each in fold.train], dtype=float)
    n = len(fold.held_out)
    return Answered(
        [each.source_id for each in fold.held_out],
        np.array([each.scores for each in fold.held_out], dtype=float),
        np.array([scores_of(rows[each.transcript_id]) for each in fold.held_out], dtype=float),
        np.tile(taught.mean(axis=0), (n, 1)),
        np.tile(np.median(taught, axis=0), (n, 1)),
    )


def scores_of(row: dict[str, Any]) -> list[float]:
    if not row["raw"]:
        return row["expected"] or [math.nan] * len(TRAIT_KEYS)
    judgement = judge(row["raw"].encode("utf-8", "surrogateescape"), row["finish_reason"])
    if judgement.tier != "strict" or judgement.feedback is None:
        return [math.nan] * len(TRAIT_KEYS)
    return [float(score) for score in judgement.feedback.scores.values()]


HEADER = (
    "fold",
    "model",
    "decoding",
    "n",
    "valid",
    "rate",
    "95% interval",
    "MSE of the valid",
    "constant, on these",
    "MSE, invalid as train median",
    "constant, on all",
    "difference (95%)",
)


def result_row(fold: str, name: Asked, found: Answered) -> list[object]:
    valid = individual(found.said)
    interval = clustered_share(valid, found.documents)
    errors = (
        mean_squared_error(found.labels[valid], found.said[valid]),
        mean_squared_error(found.labels[valid], found.means[valid]),
        mean_squared_error(found.labels, penalised(found.said, found.medians)),
        mean_squared_error(found.labels, found.means),
    )
    shown = ["-" if each is None else f"{each:.2f}" for each in errors]
    within = "-" if interval is None else f"{interval.low:.1%} to {interval.high:.1%}"
    return [fold, *name, valid.size, int(valid.sum()), f"{valid.mean():.1%}", within, *shown, beside_constant(found)]


def beside_constant(found: Answered) -> str:
    """The MSE less the constant's, invalid as train median, with a 95% interval clustered on the document."""
    errors = (penalised(found.said, found.medians) - found.labels) ** 2 - (found.means - found.labels) ** 2
    found_mean = estimate_mean(errors.mean(axis=1), found.documents)
    if found_mean is None:
        return "-"
    return f"{found_mean.mean:+.2f} ({found_mean.interval.low:+.2f} to {found_mean.interval.high:+.2f})"


def trait_rows(names: Sequence[Asked], found: Sequence[Answered]) -> list[list[object]]:
    """MSE of each trait over all transcripts, an invalid answer as the train median."""
    rows: list[list[object]] = []
    for place, trait in enumerate(TRAIT_KEYS):
        errors = [(penalised(each.said, each.medians) - each.labels)[:, place] ** 2 for each in found]
        constant = (found[0].means - found[0].labels)[:, place] ** 2
        rows.append([trait, *(f"{np.mean(each):.2f}" for each in errors), f"{constant.mean():.2f}"])
    assert len(names) == len(found)
    return rows


def tables(folds: Sequence[Fold], names: Sequence[Asked]) -> tuple[str, bool]:
    """What the folds that are done have found, and whether all are."""
    rows: list[list[object]] = []
    found: dict[Asked, list[Answered]] = {name: [] for name in names}
    for fold in folds:
        for name in names:
            if (each := answered(fold, name)) is not None:
                found[name].append(each)
                rows.append(result_row(str(fold.number), name, each))
    complete = all(len(each) == len(folds) for each in found.values())
    if not complete:
        return table(HEADER, rows), False
    together = [joined(found[name]) for name in names]
    rows += map(result_row, ["all"] * len(names), names, together)
    by_trait = table(
        ["trait", *(f"{each.model}, {each.decoding}" for each in names), "constant"], trait_rows(names, together)
    )
    return f"{table(HEADER, rows)}\n\n## MSE of each trait, invalid as train median\n\n{by_trait}", True


def joined(parts: Sequence[Answered]) -> Answered:
    return reduce(Answered.joined_with, parts)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--fold", type=int, help="one fold alone, from 1; 0: none, only count what is there")
    parser.add_argument("--epochs", type=int, help="fewer or more than the default recipe has")
    parser.add_argument("--base", default=SMOLLM2)
    parser.add_argument("--limit", type=int, help="so many transcripts alone, to see that it runs; no page is written")
    parser.add_argument("--out", type=Path, default=Path(".feedback/answer_validity"))
    arguments = parser.parse_args()
    os.environ["WANDB_MODE"] = "disabled"
    started, examples = processor_seconds(), read_labelled(arguments.transcripts)[: arguments.limit]
    base = resolve_base(arguments.base)
    recipe = default_recipe(base)
    recipe = replace(recipe, epochs=arguments.epochs or recipe.epochs)
    folds = folds_of(examples, arguments.folds, base, recipe, arguments.out.absolute())
    names = [Asked(model, way) for model in (BEFORE, f"epoch-{recipe.epochs}") for way in DECODINGS]
    for fold in folds:
        if arguments.fold is None or fold.number == arguments.fold:
            run_fold(fold, names)
    text, complete = tables(folds, names)
    body = f"""# Validity and error of answers

{len(examples)} real transcripts of {len({each.source_id for each in examples})} documents
in {arguments.folds} folds by document. Base {base.name}, trained on
the other folds for {recipe.epochs} epoch(s) by its default recipe, on labels of the offline labeller. `free` is greedy
decoding of at most the longest train label, a quarter more and 16 tokens; `template` and `direct` cannot fail. Valid is
strict: the whole output is one conforming JSON object, or scores alone were asked for.

{text}

Intervals are Clopper-Pearson's, widened where transcripts of a document are alike. The constant is the train mean of each
trait. An answer that is not valid has no score; "invalid as train median" fills one in, and the difference is of these.

{device_and_processor()}.
"""
    used, packages = processor_seconds() - started, ["torch", "transformers", "peft", "bitsandbytes"]
    whole = complete and not arguments.limit
    write_results("answer_validity", packages, used, body, arguments="TRANSCRIPTS", keep=whole)


if __name__ == "__main__":
    main()
