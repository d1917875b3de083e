"""Ask models for feedback and keep what they say, once: only what is missing is asked, and each batch is kept at once.

Importing this loads no torch; neither does an inference that is complete already.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, TypeVar

from feedback_model.errors import InputError
from feedback_model.inference.generator import Generator, Output
from feedback_model.progress import track
from feedback_model.prompts import prompt_text, prompt_version
from feedback_model.records.evaluation import DECODINGS, Decoding, Inference, Prediction
from feedback_model.records.identifiers import content_id
from feedback_model.records.prompts import PromptRecord
from feedback_model.records.training import CHAT_VERSION, BaseModel, ModelVersion, TrainingRun
from feedback_model.records.transcripts import Transcript
from feedback_model.store import predictions
from feedback_model.store.connection import Store
from feedback_model.store.locks import hold, holder
from feedback_model.store.prompts import record_prompt
from feedback_model.store.training import record_models

Name = TypeVar("Name")
MAX_NEW_TOKENS: Final = 512
"""Where the data does not say: six scores with a sentence each take some 250 tokens of a real tokenizer."""
STAND_IN_MAX_NEW_TOKENS: Final = 200
"""The stand-in's labels take about 130 of its own tokens."""
MARGIN: Final = 0.25
"""Share by which an answer may be longer than the longest that was taught."""
SPARE_TOKENS: Final = 16
"""And tokens, for short answers."""
BATCH_SIZE: Final = 64
"""Transcripts asked together; also what a kill may cost."""
STAND_IN_BATCH_SIZE: Final = 100
"""The stand-in spends its time between operations rather than in them: larger batches cost nothing more."""


def model_versions(base: BaseModel, run: TrainingRun | None) -> tuple[ModelVersion, ...]:
    """Return the models of an evaluation: the base as published, the base in NF4, and each epoch of `run`."""
    longest = run.longest_answer if run else None
    epochs = (
        ()
        if run is None
        else tuple(
            ModelVersion(f"epoch-{made.epoch}", base, quantised=True, checkpoint=made, longest_answer=longest)
            for made in run.checkpoints
        )
    )
    return (
        ModelVersion("base", base, quantised=False, longest_answer=longest),
        ModelVersion("base-nf4", base, quantised=True, longest_answer=longest),
        *epochs,
    )


def default_max_new_tokens(model: ModelVersion) -> int:
    """Tokens after which an answer is cut unless the user says otherwise: the longest label and a margin.

    A base that never ends its answer would cost minutes if it were let go on to a limit that suits every data set.
    """
    if model.longest_answer:
        return math.ceil((1 + MARGIN) * model.longest_answer) + SPARE_TOKENS
    return STAND_IN_MAX_NEW_TOKENS if model.base.stand_in else MAX_NEW_TOKENS


def inference_id_of(model: ModelVersion, decoding: Decoding, prompt_version: str, max_new_tokens: int) -> str:
    """Names one way of asking one model."""
    return content_id("inference", model.model_id, decoding, prompt_version, max_new_tokens, CHAT_VERSION)


def asking_order(
    models: Sequence[str], decoding: Decoding | Literal["every"], *, from_the_end: bool = False
) -> list[tuple[Decoding, str]]:
    """Put what a run is to ask in order: every way of a model together, since its weights are there then.

    Args:
        from_the_end: the other way round, for a host that helps one which begins at the beginning.

    Returns:
        Ways of asking, each with the name of a model.
    """
    ways: tuple[Decoding, ...] = DECODINGS if decoding == "every" else (decoding,)
    order: list[tuple[Decoding, str]] = [(way, model) for model in models for way in ways]
    return order[::-1] if from_the_end else order


def is_asked(store: Store, model: ModelVersion, decoding: Decoding, max_new_tokens: int | None = None) -> bool:
    """Tell whether a process that lives asks `model` that way at this moment."""
    limit = max_new_tokens or default_max_new_tokens(model)
    return holder(store, _lease(inference_id_of(model, decoding, prompt_version("feedback"), limit))) is not None


def _lease(inference_id: str) -> str:
    return f"infer:{inference_id}"


def infer(
    store: Store,
    home: Path,
    model: ModelVersion,
    transcripts: Sequence[Transcript],
    *,
    decoding: Decoding = "free",
    max_new_tokens: int | None = None,
    batch_size: int | None = None,
    again: bool = False,
) -> str:
    """Ask `model` about those `transcripts` it has no output for, and return the inference's id.

    Args:
        max_new_tokens: after which an answer is cut; None: the longest label and a margin.
        batch_size: transcripts asked about at once; None: by base model.
        again: ask about all of them anew; what was said and judged before is forgotten.

    Raises:
        ModelError: the model cannot be loaded or run.
        Interrupted: a stop was requested; finished batches are kept.
    """
    limit = max_new_tokens or default_max_new_tokens(model)
    version = prompt_version("feedback")
    inference_id = inference_id_of(model, decoding, version, limit)
    by_id = {transcript.transcript_id: transcript for transcript in transcripts}
    with hold(store, _lease(inference_id), "asks the same model") as held:
        if again:
            predictions.forget_outputs(held, inference_id, list(by_id))
        missing = predictions.missing_outputs(held, inference_id, by_id)
        if missing:
            generator, device = open_generator(home, model, decoding, limit)
            record_models(held, [model])
            record_prompt(held, PromptRecord(version, "feedback", prompt_text("feedback")))
            predictions.record_inference(
                held, Inference(inference_id, model.model_id, decoding, version, limit, device)
            )
            texts = [by_id[transcript_id].text for transcript_id in missing]
            done = len(by_id) - len(missing)
            for batch in _ask(generator, missing, texts, model, done, batch_size):
                predictions.write_outputs(held, inference_id, [_prediction(*said) for said in batch])
    return inference_id


def score_texts(
    home: Path,
    model: ModelVersion,
    texts: Sequence[str],
    max_new_tokens: int | None = None,
    batch_size: int | None = None,
    decoding: Decoding = "free",
) -> list[Output]:
    """Ask `model` about `texts` without any store; outputs come in the order of the texts.

    Raises:
        ModelError: the model cannot be loaded or run.
        Interrupted: a stop was requested.
    """
    generator, _ = open_generator(home, model, decoding, max_new_tokens or default_max_new_tokens(model))
    found = dict(said for batch in _ask(generator, range(len(texts)), texts, model, 0, batch_size) for said in batch)
    return [found[position] for position in range(len(texts))]


def open_generator(home: Path, model: ModelVersion, decoding: Decoding, max_new_tokens: int) -> tuple[Generator, str]:
    """Load `model`, ready to be asked, and name the device and compute type that it has.

    Raises:
        InputError: there is no such way of decoding.
        ModelError: the model cannot be loaded, or not be asked that way.
    """
    if decoding not in DECODINGS:
        raise InputError(f"decoding {decoding!r} is not available; use {', '.join(DECODINGS)}")
    from feedback_model.inference.generators import make_generator
    from feedback_model.inference.loaded import load_forward

    forward, weights, tokenizer = load_forward(home, model)
    compute_type = str(weights.dtype).removeprefix("torch.")
    generator = make_generator(decoding, forward, weights, tokenizer, max_new_tokens)
    return generator, f"{weights.device.type}, {compute_type}"


def _ask(
    generator: Generator,
    names: Sequence[Name],
    texts: Sequence[str],
    model: ModelVersion,
    done: int,
    batch_size: int | None,
) -> Iterator[list[tuple[Name, Output]]]:
    """Ask `model` about each text, batch by batch; yields name and output."""
    lengths = generator.lengths(texts)
    # Longest first, so that a batch too large for the memory shows at once and not after an hour.
    order = sorted(range(len(texts)), key=lambda index: -lengths[index])
    size = batch_size or (STAND_IN_BATCH_SIZE if model.base.stand_in else BATCH_SIZE)
    tracker = track(f"infer {model.name}", done + len(texts), done)
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        answers = generator.generate([texts[index] for index in batch])
        yield [(names[index], answer) for index, answer in zip(batch, answers, strict=True)]
        tracker.advance(len(batch))


def _prediction(transcript_id: str, said: Output) -> Prediction:
    return Prediction(transcript_id, said.raw, said.finish_reason, said.n_tokens, said.seconds, said.distributions)
