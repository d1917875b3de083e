"""Evaluations drawn by chance, seeded, and written as the service writes them, for `results_database.py`."""

import random
import sys
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from worlds import labelled

from eval.measure import measure_panel
from eval.panel import Panel, as_scores, fit_constant
from feedback_model.feedback import Feedback, TraitFeedback, render_feedback
from feedback_model.parsing import VALIDATOR, Judgement, judge
from feedback_model.records.evaluation import Evaluation, Inference, JudgedOutput, Prediction
from feedback_model.records.labels import LabelledTranscript, LabellingConfig
from feedback_model.store import tables
from feedback_model.store.bulk import insert_missing
from feedback_model.store.connection import Store, open_store
from feedback_model.store.evaluations import read_evaluation, save_evaluation
from feedback_model.store.predictions import record_inference, save_judgements, write_outputs
from feedback_model.traits import TRAIT_KEYS

SEED, TRANSCRIPTS = 20261124, 2_000
MODELS = {"base": 3.0, "base-nf4": 3.4, "epoch-1": 1.6, "epoch-2": 1.2, "epoch-3": 1.1}  # noise around the label
FAILING = {"base": 0.10, "base-nf4": 0.40, "epoch-1": 0.05, "epoch-2": 0.01, "epoch-3": 0.01}
LABELS = LabellingConfig("gpt-4o-mini-2024-07-18", "label-12345678")
SET = {"label_model": LABELS.label_model, "prompt_version": LABELS.prompt_version}
WHEN = "2026-11-24T00:00:00.000000+00:00"
REASONS = (
    "The wording is careful, and the speaker says why each step follows from the one before it.",
    "Um and like stand in nearly every clause, and two claims are left without any support.",
    "It is lively from the first line on, though it hardly asks what the listener may feel.",
)


@dataclass(frozen=True)
class Pattern:
    """What five models said once: written again under other names for every evaluation that uses it."""

    predictions: Mapping[str, Sequence[Prediction]]
    judgements: Mapping[str, Mapping[str, Judgement]]
    evaluation: Evaluation


def draw_items(rng: random.Random) -> tuple[LabelledTranscript, ...]:
    """Labelled transcripts, two of each document."""
    return tuple(
        labelled(f"{number:016x}", f"document-{number // 2}", [clamp(rng.gauss(6, 2)) for _ in TRAIT_KEYS])
        for number in range(TRANSCRIPTS)
    )


def clamp(score: float) -> int:
    return max(1, min(10, round(score)))


def draw_pattern(rng: random.Random, items: Sequence[LabelledTranscript]) -> Pattern:
    predictions = {model: [draw_prediction(rng, model, item) for item in items] for model in MODELS}
    judgements = {model: {each.transcript_id: judge(each.raw) for each in said} for model, said in predictions.items()}
    outputs = {model: tuple(map(as_judged, judged.values())) for model, judged in judgements.items()}
    panel = Panel(tuple(items), outputs, fit_constant(as_scores([item.scores for item in items])))
    heading = Evaluation(
        "", WHEN, "d1", None, "test", "free", VALIDATOR, LABELS.label_model, LABELS.prompt_version, "0", 0, None, (), ()
    )
    names = {model: (model, f"m-{model}") for model in MODELS}
    return Pattern(predictions, judgements, measure_panel(heading, panel, names, "epoch-3"))


def draw_prediction(rng: random.Random, model: str, item: LabelledTranscript) -> Prediction:
    scores = (clamp(rng.gauss(label, MODELS[model])) for label in item.scores)
    raw = render_feedback(Feedback(tuple(TraitFeedback(score, rng.choice(REASONS)) for score in scores))).encode()
    failed = rng.random() < FAILING[model]
    return Prediction(item.transcript_id, raw[: len(raw) // 2] if failed else raw, "stop", 190, 0.4)


def as_judged(judgement: Judgement) -> JudgedOutput:
    strict = judgement.tier == "strict" and judgement.feedback is not None
    scores = tuple(map(float, judgement.feedback.scores.values())) if strict and judgement.feedback else None
    return JudgedOutput(judgement.tier, scores)


def fill_before(store: Store, items: Sequence[LabelledTranscript]) -> None:
    """Transcripts, labels, the dataset and the models, which all evaluations share."""
    names = [item.transcript_id for item in items]
    transcript = {
        "source": "drawn",
        "genre": "speech",
        "text": "Drawn.",
        "n_words": 120,
        "split": "test",
        "origin": "real",
    }
    transcript |= {"signature": b"", "landed_at": WHEN}
    asked = {"purpose": "label", **SET, "state": "done", "created_at": WHEN, "updated_at": WHEN}
    version = {"base_model": "drawn", "base_revision": "0", "stand_in": True}
    own = {"dataset_id": "d1", "created_at": WHEN, **SET, "path": "d1.parquet", "n_train": 0, "n_validation": 0}
    rows: dict[Any, Iterable[dict[str, Any]]] = {
        tables.transcript: (
            transcript | {"transcript_id": item.transcript_id, "source_id": item.source_id} for item in items
        ),
        tables.label_request: (asked | {"request_id": f"r-{name}", "transcript_id": name} for name in names),
        tables.label_response: (
            {"response_id": number, "request_id": f"r-{name}", "received_at": WHEN, "body": b"{}"}
            for number, name in enumerate(names)
        ),
        tables.label: (
            {"transcript_id": name, **SET, "replicate": 0, "response_id": n} for n, name in enumerate(names)
        ),
        tables.label_score: (
            {
                "transcript_id": item.transcript_id,
                **SET,
                "replicate": 0,
                "trait": trait,
                "score": score,
                "explanation": "So.",
            }
            for item in items
            for trait, score in zip(TRAIT_KEYS, item.scores, strict=True)
        ),
        tables.dataset: [own | {"n_test": len(items), "n_augmented": 0}],
        tables.dataset_item: ({"dataset_id": "d1", "transcript_id": name, "split": "test"} for name in names),
        tables.model_version: (version | {"model_id": f"m-{model}", "quantised": model != "base"} for model in MODELS),
    }
    with store.write() as connection:
        for into, each in rows.items():
            insert_missing(connection, into, each)


def write_evaluation(store: Store, pattern: Pattern, number: int, spent: dict[str, float]) -> None:
    """One evaluation as the service writes it: outputs, then judgements, then the summary in one transaction."""
    ids = {model: f"{number:06x}{place:x}-{model}" for place, model in enumerate(MODELS)}
    for model, inference_id in ids.items():
        record_inference(store, Inference(inference_id, f"m-{model}", "free", "feedback-00000000", 384, "cuda"))
        with clocked(spent, "outputs"):
            write_outputs(store, inference_id, pattern.predictions[model])
        with clocked(spent, "judgements"):
            save_judgements(store, inference_id, pattern.judgements[model])
    models = tuple(replace(each, inference_id=ids[each.model]) for each in pattern.evaluation.models)
    evaluation = replace(pattern.evaluation, evaluation_id=f"e{number:06}", models=models)
    transcripts = [each.transcript_id for each in pattern.predictions["base"]]
    with clocked(spent, "evaluations"):
        save_evaluation(store, evaluation, transcripts)


@contextmanager
def clocked(spent: dict[str, float], name: str) -> Generator[None]:
    """Adds the seconds that the block takes."""
    started = time.perf_counter()
    yield
    spent[name] = spent.get(name, 0.0) + time.perf_counter() - started


def fill(
    url: str, n_evaluations: int, patterns: Sequence[Pattern], items: Sequence[LabelledTranscript]
) -> dict[str, float]:
    spent: dict[str, float] = {}
    store = open_store(url)
    fill_before(store, items)
    for number in range(n_evaluations):
        write_evaluation(store, patterns[number % len(patterns)], number, spent)
        if number % 50 == 49:
            sys.stderr.write(f"\r{number + 1:,} of {n_evaluations:,} evaluations written")
    sys.stderr.write("\n")
    stored = read_evaluation(store, "e000000")
    assert stored is not None
    assert stored.models[0].mse_penalised == patterns[0].evaluation.models[0].mse_penalised
    store.close()
    return spent
