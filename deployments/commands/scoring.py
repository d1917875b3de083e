"""`feedback score`: feedback for transcripts with the champion, without a server."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from deployments.commands.options import load_settings
from deployments.terminal import print_json
from feedback_model.errors import InputError, MissingStage
from feedback_model.settings import Settings


def score(
    file: Annotated[str, typer.Argument(help="A TXT or JSONL file, or - for standard input.")],
    model: Annotated[
        str, typer.Option(help="`champion`, or a model id of the view `lineage`; default: the champion.")
    ] = "champion",
) -> None:
    """Give feedback on one or many transcripts, as JSON: one object for a text, a list for JSONL."""
    from feedback_model.inference.infer import score_texts
    from feedback_model.parsing import judge

    settings = load_settings()
    texts, many = _read(file)
    version = _model(settings, model)
    answers = [
        {"feedback": _as_object(judgement), "raw": prediction.raw.decode("utf-8", "replace"), "tier": judgement.tier}
        for prediction in score_texts(settings.home, version, texts)
        for judgement in [judge(prediction.raw, prediction.finish_reason)]
    ]
    print_json(answers if many else answers[0])


def _read(file: str) -> tuple[list[str], bool]:
    """The texts to score, and whether they came as a list."""
    from feedback_model.transcripts.raw_records import RawRecord
    from feedback_model.transcripts.sources import read_sources

    if file == "-":
        text = sys.stdin.read().strip()
        if not text:
            raise InputError("standard input is empty; pipe a transcript into it")
        return [text], False
    records = list(read_sources([file]))
    texts = [record.text for record in records if isinstance(record, RawRecord)]
    if not texts:
        raise InputError(f"{file} holds no transcript that can be read")
    return texts, Path(file).suffix.lower() not in {".txt", ".md"}


def _model(settings: Settings, name: str) -> Any:
    from feedback_model.store.connection import open_store
    from feedback_model.store.evaluations import champion
    from feedback_model.store.training import model_version_of

    store = open_store(settings.store_url)
    if name != "champion":
        return model_version_of(store, name)
    present = champion(store)
    if present is None:
        raise MissingStage("there is no champion yet; run `feedback run`, or name a model with --model")
    return model_version_of(store, present.model_id)


def _as_object(judgement: Any) -> dict[str, dict[str, Any]] | None:
    if judgement.tier != "strict":
        return None
    scores = judgement.feedback.scores
    return {key: {"score": scores[key], "explanation": judgement.feedback[key].explanation} for key in scores}
