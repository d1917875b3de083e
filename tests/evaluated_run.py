"""A store with one labelled dataset, one finished training run and the outputs of five models, made by plain inserts.

The truth is known: labels are drawn around a mean, and each model sees them through its own noise and its own failures.
"""

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sqlalchemy import insert, select, update

from eval.evaluate import evaluate
from eval.measure import choose_best_epoch
from eval.promote import load_gate_input
from eval.promotion.decide import RULES, decide
from feedback_model.feedback import Feedback, TraitFeedback, render_feedback
from feedback_model.parsing import judge
from feedback_model.records.evaluation import Evaluation
from feedback_model.records.identifiers import to_json
from feedback_model.records.labels import Dataset, LabellingConfig
from feedback_model.records.promotion import Decision
from feedback_model.records.training import BaseModel, choose_precision, default_recipe
from feedback_model.store import tables
from feedback_model.store.connection import Store
from feedback_model.training.checkpoints import WEIGHTS_FILE, hash_adapter
from feedback_model.traits import TRAIT_KEYS
from tests.databases import OpenFilled

WHEN = "2026-11-24T03:24:02.123456+00:00"
LABELS = LabellingConfig("embedded-rubric-3", "label-12345678")
RUN = "run-1"
BASE = BaseModel("embedded", "embedded", "abc", stand_in=True)
NOISE = {"base": 4.0, "base-nf4": 4.5, "epoch-1": 1.6, "epoch-2": 1.1, "epoch-3": 1.2}
"""Standard deviation of each model's scores around the labels."""
FAILURES = {"base": 0.1, "base-nf4": 0.3, "epoch-1": 0.04, "epoch-2": 0.0, "epoch-3": 0.01}
"""Share of each model's outputs that are broken."""


@dataclass(frozen=True)
class EvaluatedRun:
    """What `fill_run` put into a store."""

    store: Store
    dataset: Dataset
    models: dict[str, str]


@dataclass(frozen=True)
class Evaluated:
    """A run, and what was measured of it."""

    run: EvaluatedRun
    validation: Evaluation
    test: Evaluation

    @property
    def store(self) -> Store:
        return self.run.store


def a_feedback(scores: list[int], words: str = "because of what is said") -> Feedback:
    return Feedback(tuple(TraitFeedback(score, f"{words} ({score})") for score in scores))


def clamp(score: float) -> int:
    return max(1, min(10, round(score)))


def broken(raw: bytes, kind: int) -> bytes:
    """One of several ways in which an output goes wrong."""
    return [
        b"Sure, here is my feedback:\n" + raw,
        raw[: len(raw) // 2],
        raw.replace(b', "expl', b' "expl', 1),
        b"I liked <script>alert(1)</script> the speech \xf0\x9f\x8e\xa4",
        raw.replace(b'"score": ', b'"score": 1', 1),
    ][kind % 5]


def fill_run(store: Store, n_train: int = 60, n_held_out: int = 40, seed: int = 0) -> EvaluatedRun:
    """Put labels, a run and outputs into an empty `store`; nothing is evaluated yet."""
    rng = random.Random(seed)
    splits = ["train"] * n_train + ["validation"] * n_held_out + ["test"] * n_held_out
    labels = {f"t{number:04}": [clamp(rng.gauss(6, 2.2)) for _ in TRAIT_KEYS] for number in range(len(splits))}
    dataset = Dataset("dataset-1", LABELS, "snapshots/dataset-1.parquet", n_train, n_held_out, n_held_out, n_train // 6)
    _fill_labels(store, dataset, splits, labels)
    models = _fill_models(store)
    with store.write() as connection:
        for model, inference_id in models.items():
            rows = [
                _output(rng, model, inference_id, name, scores)
                for (name, scores), split in zip(labels.items(), splits, strict=True)
                if split != "train"
            ]
            if rows:
                connection.execute(insert(tables.output), rows)
    return EvaluatedRun(store, dataset, models)


def evaluate_run(run: EvaluatedRun) -> tuple[Evaluation, Evaluation]:
    """Evaluate both splits as the service does: validation first, its best epoch carried to test."""
    validation = evaluate(run.store, run.dataset, "validation", run.models, RUN)
    best = choose_best_epoch(validation)
    return validation, evaluate(run.store, run.dataset, "test", run.models, RUN, best_epoch=best)


def evaluate_filled(store: Store) -> Evaluated:
    """Fill an empty `store` and evaluate it."""
    run = fill_run(store)
    return Evaluated(run, *evaluate_run(run))


def evaluate_larger(store: Store) -> Evaluated:
    """The same with enough held out for the gate to decide."""
    run = fill_run(store, n_held_out=60)
    return Evaluated(run, *evaluate_run(run))


def evaluate_templates(run: EvaluatedRun) -> tuple[Evaluation, Evaluation]:
    """Ask every model as `template`: the same answers, those that were broken made valid."""
    asked = {model: f"{inference_id}-template" for model, inference_id in run.models.items()}
    with run.store.write() as connection:
        for model, inference_id in run.models.items():
            own = connection.execute(
                select(tables.inference).where(tables.inference.c.inference_id == inference_id)
            ).one()
            row = {**own._mapping, "inference_id": asked[model], "decoding": "template"}
            connection.execute(insert(tables.inference), row)
            said = connection.execute(select(tables.output).where(tables.output.c.inference_id == inference_id)).all()
            rows = [{**each._mapping, "inference_id": asked[model], "raw": _mended(each.raw)} for each in said]
            connection.execute(insert(tables.output), rows)
    validation = evaluate(run.store, run.dataset, "validation", asked, RUN, decoding="template")
    best = choose_best_epoch(validation)
    return validation, evaluate(run.store, run.dataset, "test", asked, RUN, decoding="template", best_epoch=best)


def _mended(raw: bytes) -> bytes:
    """An output as it is, or where it is broken a valid one of fives."""
    return raw if judge(raw).tier == "strict" else render_feedback(a_feedback([5] * len(TRAIT_KEYS))).encode()


def open_run(open_filled: OpenFilled) -> EvaluatedRun:
    """A store as `fill_run` leaves it."""
    store, run = open_filled(fill_run)
    return replace(run, store=store)


def open_evaluated(open_filled: OpenFilled, fill: Callable[[Store], Evaluated] = evaluate_filled) -> Evaluated:
    """A store as `fill` leaves it."""
    store, made = open_filled(fill)
    return replace(made, run=replace(made.run, store=store))


def decide_on(store: Store, validation: Evaluation, test: Evaluation | None) -> Decision:
    """What the gate says of a run that was evaluated."""
    return decide(load_gate_input(store, validation, test))


def put_adapters(store: Store, home: Path) -> None:
    """Weights on disk for every epoch of the run, and their true hashes and ids in the store."""
    with store.write() as connection:
        for epoch in (1, 2, 3):
            folder = home / f"checkpoints/{RUN}/epoch-{epoch}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / WEIGHTS_FILE).write_bytes(f"weights of epoch {epoch}".encode())
            sha = hash_adapter(folder)
            for table in (tables.checkpoint, tables.model_version):
                connection.execute(update(table).where(table.c.epoch == epoch).values(adapter_sha=sha))


def relabel(run: EvaluatedRun, labels: dict[str, list[int]]) -> None:
    """Label some transcripts a second time."""
    replicate = {"label_model": LABELS.label_model, "prompt_version": LABELS.prompt_version, "replicate": 1}
    with run.store.write() as connection:
        connection.execute(
            insert(tables.label), [replicate | {"transcript_id": name, "response_id": 1} for name in labels]
        )
        connection.execute(
            insert(tables.label_score),
            [
                replicate | {"transcript_id": name, "trait": trait, "score": score, "explanation": "again"}
                for name, scores in labels.items()
                for trait, score in zip(TRAIT_KEYS, scores, strict=True)
            ],
        )


def _output(rng: random.Random, model: str, inference_id: str, transcript_id: str, label: list[int]) -> dict:
    scores = [clamp(rng.gauss(score, NOISE[model])) for score in label]
    raw = render_feedback(a_feedback(scores)).encode()
    failed = rng.random() < FAILURES[model]
    return {
        "inference_id": inference_id,
        "transcript_id": transcript_id,
        "raw": broken(raw, rng.randrange(5)) if failed else raw,
        "finish_reason": "stop",
        "n_tokens": 120,
        "seconds": 0.05,
    }


def _fill_labels(store: Store, dataset: Dataset, splits: list[str], labels: dict[str, list[int]]) -> None:
    names = list(labels)
    augmented = set(names[: dataset.n_augmented])
    text = (
        "Thank you all for coming. So, um, let me tell you what we have learned this year, and why it matters to you. "
    )
    set_columns = {"label_model": LABELS.label_model, "prompt_version": LABELS.prompt_version}
    asked = {"purpose": "label", "replicate": 0, "state": "done", "created_at": WHEN, "updated_at": WHEN} | set_columns
    transcripts = [
        {
            "transcript_id": name,
            "source_id": f"document-{number // 2}",
            "text": f"{text * 2}Number {number}.",
            "source": "synthetic",
            "genre": "speech",
            "n_words": 45,
            "split": split,
            "origin": "augmented" if name in augmented else "real",
            "signature": b"",
            "landed_at": WHEN,
        }
        for number, (name, split) in enumerate(zip(names, splits, strict=True))
    ]
    numbered = list(enumerate(names, start=1))
    replies = [
        {
            "response_id": number,
            "request_id": f"request-{name}",
            "received_at": WHEN,
            "body": b"{}",
            "prompt_tokens": 900,
            "completion_tokens": 150,
            "cost_usd": 0.0,
        }
        for number, name in numbered
    ]
    part = {"dataset_id": dataset.dataset_id}
    label_rows = [
        {"transcript_id": name, "replicate": 0, "response_id": number} | set_columns for number, name in numbered
    ]
    score_rows = [
        {"transcript_id": name, "replicate": 0, "trait": trait, "score": score, "explanation": "as it is"} | set_columns
        for name, scores in labels.items()
        for trait, score in zip(TRAIT_KEYS, scores, strict=True)
    ]
    own = part | set_columns | {"created_at": WHEN, "path": dataset.path, "n_augmented": dataset.n_augmented}
    own |= {"n_train": dataset.n_train, "n_validation": dataset.n_validation, "n_test": dataset.n_test}
    with store.write() as connection:
        connection.execute(insert(tables.transcript), transcripts)
        connection.execute(
            insert(tables.label_request),
            [asked | {"request_id": f"request-{name}", "transcript_id": name} for name in names],
        )
        connection.execute(insert(tables.label_response), replies)
        connection.execute(insert(tables.label), label_rows)
        connection.execute(insert(tables.label_score), score_rows)
        connection.execute(insert(tables.dataset), own)
        connection.execute(
            insert(tables.dataset_item),
            [part | {"transcript_id": name, "split": split} for name, split in zip(names, splits, strict=True)],
        )


def _fill_models(store: Store) -> dict[str, str]:
    base = {"base_model": "embedded", "base_revision": "abc", "stand_in": True}
    run = base | {"run_id": RUN, "dataset_id": "dataset-1", "recipe_hash": "recipe-1"}
    run |= {"recipe": to_json(asdict(default_recipe(BASE))), "precision": to_json(choose_precision("float16", "cpu"))}
    run |= {"device": "cpu", "code_commit": "0123456", "state": "finished", "started_at": WHEN}
    epochs = [model for model in NOISE if model.startswith("epoch-")]
    rules = {"rules_id": RULES.rules_id, "version": RULES.version, "fixed_at": WHEN}
    rules |= {"rules": to_json(asdict(RULES))}
    with store.write() as connection:
        connection.execute(insert(tables.promotion_rules), rules)
        connection.execute(insert(tables.training_run), run)
        for number, model in enumerate(epochs, start=1):
            checkpoint = {"run_id": RUN, "epoch": number, "path": f"checkpoints/{RUN}/{model}", "adapter_sha": model}
            connection.execute(insert(tables.checkpoint), checkpoint | {"train_loss": 1.4 / number, "created_at": WHEN})
        for model in NOISE:
            trained = model.startswith("epoch-")
            version = base | {"model_id": f"model-{model}", "quantised": model != "base"}
            version |= {"run_id": RUN if trained else None, "epoch": int(model[-1]) if trained else None}
            connection.execute(insert(tables.model_version), version)
            inference = {"inference_id": f"inference-{model}", "model_id": f"model-{model}", "decoding": "free"}
            inference |= {"prompt_version": "feedback-1", "max_new_tokens": 400, "device": "cpu", "created_at": WHEN}
            connection.execute(insert(tables.inference), inference)
        for step in range(1, 31):
            row = {"run_id": RUN, "step": step, "epoch": 1 + (step - 1) // 10, "loss": 2.5 / step**0.5}
            row |= {"learning_rate": 0.001, "n_tokens": 3000, "seconds": 2.0, "peak_memory": 3 * 1024**3}
            connection.execute(insert(tables.training_step), row)
    return {model: f"inference-{model}" for model in NOISE}
