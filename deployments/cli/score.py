"""`feedback score`: feedback for transcripts with the champion, without a server."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.options import load_settings
from deployments.terminal import print_json, say
from feedback_model.errors import InputError, MissingStage, ModelError
from flows.parameters import MaxNewTokens

if TYPE_CHECKING:
    from feedback_model.inference.generator import Output
    from feedback_model.records.training import ModelVersion
    from feedback_model.settings import Settings
    from feedback_model.store.transcripts import Reject
    from feedback_model.transcripts.raw_records import RawRecord


def score(
    file: Annotated[str, typer.Argument(help="A TXT or JSONL file, or - for either on standard input.")],
    model: Annotated[
        str, typer.Option(help="`champion`, or a model id of the view `lineage`; default: the champion.")
    ] = "champion",
    max_new_tokens: MaxNewTokens = 0,
) -> None:
    """Give feedback on one or many transcripts, as JSON: one object for a text, a list for JSONL.

    `truncated` is true where a transcript was cut at its end because it is longer than the model can read.
    """
    from feedback_model.inference.infer import score_texts

    settings = load_settings()
    documents, many = _read(file)
    version = _model(settings, model)
    outputs = score_texts(
        settings.home,
        version,
        [document.text for document in documents],
        max_new_tokens or settings.max_new_tokens or None,
        settings.inference_batch_size or None,
    )
    answers = [_answer(*pair, version) for pair in zip(documents, outputs, strict=True)]
    print_json(answers if many else answers[0])
    if not any(answer["feedback"] for answer in answers):
        cut = any(said.finish_reason == "length" for said in outputs)
        way_on = "; some were cut: allow more tokens with --max-new-tokens" if cut else ""
        raise ModelError(f"no answer of the model was valid feedback, its words are in the field `raw`{way_on}")


def _answer(document: "RawRecord", said: "Output", version: "ModelVersion") -> dict[str, Any]:
    from feedback_model.parsing import judge

    judgement = judge(said.raw, said.finish_reason)
    return {
        "document": document.document or document.locator,
        "model_id": version.model_id,
        "stand_in": version.base.stand_in,
        "truncated": said.truncated,
        "tier": judgement.tier,
        "failure": judgement.failure.code if judgement.failure else None,
        "feedback": json.loads(said.raw) if judgement.tier == "strict" else None,
        "raw": said.raw.decode("utf-8", "replace"),
    }


def _read(file: str) -> tuple[list["RawRecord"], bool]:
    """Return the documents to score, and whether they came as a list; what cannot be read is told."""
    from feedback_model.transcripts.raw_records import RawRecord
    from feedback_model.transcripts.sources import read_sources

    found = list(_read_standard_input() if file == "-" else read_sources([file]))
    documents = [record for record in found if isinstance(record, RawRecord)]
    refused = [record for record in found if not isinstance(record, RawRecord)]
    if not documents:
        reason = f": {refused[0].reason}" if refused else ""
        raise InputError(f"{'standard input' if file == '-' else file} holds no transcript that can be read{reason}")
    for reject in refused:
        say(f"not scored: {reject.locator}: {reject.reason}")
    return documents, len(found) > 1 or not (file == "-" or Path(file).suffix.lower() == ".txt")


def _read_standard_input() -> "Iterator[RawRecord | Reject]":
    from feedback_model.transcripts.files import read_bytes

    return read_bytes(sys.stdin.buffer.read(), "standard input")


def _model(settings: "Settings", name: str) -> "ModelVersion":
    from feedback_model.store.connection import open_store
    from feedback_model.store.promotions import champion
    from feedback_model.store.training import model_version_of

    store = open_store(settings.store_url)
    if name != "champion":
        return model_version_of(store, name)
    present = champion(store)
    if present is None:
        raise MissingStage("there is no champion yet; run `feedback run`, or name a model with --model")
    return model_version_of(store, present.model_id)
