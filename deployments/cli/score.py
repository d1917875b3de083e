"""`feedback score`: feedback for transcripts with the champion, without a server.

A text is cleaned, refused and cut as it would be by `feedback land`, so a model reads in use what it read in training.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from deployments.cli.options import load_settings
from deployments.terminal import print_json, print_json_list, say, showing_progress
from feedback_model.errors import InputError, ModelError
from flows.parameters import MaxNewTokens

if TYPE_CHECKING:
    from feedback_model.inference.generator import Output
    from feedback_model.inference.models import ChosenModel
    from feedback_model.settings import Settings
    from feedback_model.store.transcripts import Reject
    from feedback_model.transcripts.raw_records import RawRecord

AT_ONCE: Final = 64  # pieces asked about before their answers are printed: a batch, and what a kill may cost


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a document that is given to the model whole."""

    document: str
    """The document's own id, else where it stands."""
    number: int
    """Counted from 1."""
    pieces: int
    """Of the document."""
    text: str


def score(
    file: Annotated[str, typer.Argument(help="A TXT or JSONL file, or - for either on standard input.")],
    model: Annotated[
        str | None,
        typer.Option(
            help="`champion`; `epoch-2`, `base` or another name of the latest evaluation; or a model id of the view `lineage`.",
            show_default="the champion; before there is one, the best epoch of the latest evaluation",
        ),
    ] = None,
    max_new_tokens: MaxNewTokens = 0,
) -> None:
    """Give feedback on one or many transcripts, as JSON: one object for a text, a list for JSONL and for a long text.

    A text of more than 250 words is cut as `feedback land` cuts it, with an object for each piece. `champion` is true where the
    champion answered, `truncated` where a piece was cut at its end because it is longer than the model can read.
    """
    settings = load_settings()
    pieces, many = _read(file)
    chosen = _choose(settings, model)
    seen: Counter[str] = Counter()
    answers = _ask(settings, chosen, pieces, max_new_tokens, seen, quiet=not many)
    if many:
        print_json_list(answers)
    else:
        print_json(next(answers))
    if not seen["valid"]:
        way_on = "; some were cut: allow more tokens with --max-new-tokens" if seen["cut"] else ""
        raise ModelError(f"no answer of the model was valid feedback, its words are in the field `raw`{way_on}")


def _choose(settings: "Settings", name: str | None) -> "ChosenModel":
    """Return the model to ask, and tell where it is another than a reader would take it for."""
    from feedback_model.inference.models import choose_model
    from feedback_model.store.connection import open_store

    chosen = choose_model(open_store(settings.store_url), name)
    made = chosen.version.checkpoint
    if name is None and made and not chosen.is_champion:
        say(
            f"no model has been promoted to champion yet: {chosen.version.name} of training run {made.run_id}, "
            "the best on validation, answers instead"
        )
    return chosen


def _ask(
    settings: "Settings",
    chosen: "ChosenModel",
    pieces: Iterator[Piece],
    max_new_tokens: int,
    seen: Counter[str],
    *,
    quiet: bool,
) -> Iterator[dict[str, Any]]:
    """Yield what the model says of each piece, in order; counts in `seen` the valid answers and those that were cut."""
    from feedback_model.inference.infer import score_texts

    while chunk := list(islice(pieces, AT_ONCE)):
        with showing_progress(quiet=quiet):
            outputs = score_texts(
                settings.home,
                chosen.version,
                [piece.text for piece in chunk],
                max_new_tokens or settings.max_new_tokens or None,
                settings.inference_batch_size or None,
            )
        for piece, said in zip(chunk, outputs, strict=True):
            answer = _answer(piece, said, chosen)
            seen["valid"] += answer["feedback"] is not None
            seen["cut"] += said.finish_reason == "length"
            yield answer


def _answer(piece: Piece, said: "Output", chosen: "ChosenModel") -> dict[str, Any]:
    from feedback_model.parsing import judge

    judgement = judge(said.raw, said.finish_reason)
    return {
        "document": piece.document,
        "piece": piece.number,
        "pieces": piece.pieces,
        "model": chosen.version.name,
        "model_id": chosen.version.model_id,
        "champion": chosen.is_champion,
        "stand_in": chosen.version.base.stand_in,
        "truncated": said.truncated,
        "tier": judgement.tier,
        "failure": judgement.failure.code if judgement.failure else None,
        "feedback": json.loads(said.raw) if judgement.tier == "strict" else None,
        "raw": said.raw.decode("utf-8", "replace"),
    }


def _read(file: str) -> tuple[Iterator[Piece], bool]:
    """Return the pieces to score, and whether they are to be a list; what cannot be scored is told when its turn comes.

    Raises:
        InputError: there is nothing to score.
    """
    from feedback_model.transcripts.sources import read_sources

    found = _cut(_read_standard_input() if file == "-" else read_sources([file]))
    head: list[Piece | Reject] = []
    while sum(isinstance(each, Piece) for each in head) < 2 and (more := list(islice(found, 1))):
        head += more
    if not any(isinstance(each, Piece) for each in head):
        reason = f": {head[0].reason}" if head and not isinstance(head[0], Piece) else ""
        raise InputError(f"{'standard input' if file == '-' else file} holds no transcript that can be scored{reason}")
    return _tell_rejects(chain(head, found)), len(head) > 1 or not (file == "-" or Path(file).suffix.lower() == ".txt")


def _cut(records: "Iterator[RawRecord | Reject]") -> "Iterator[Piece | Reject]":
    from feedback_model.store.transcripts import Reject

    for record in records:
        if isinstance(record, Reject):
            yield record
        else:
            yield from _pieces(record)


def _pieces(record: "RawRecord") -> "Iterator[Piece | Reject]":
    from feedback_model.transcripts.landing import usable_text
    from feedback_model.transcripts.segmenting import segment

    text = usable_text(record)
    if not isinstance(text, str):
        yield text
        return
    texts = segment(text)
    for number, piece in enumerate(texts, start=1):
        yield Piece(record.document or record.locator, number, len(texts), piece)


def _tell_rejects(found: "Iterator[Piece | Reject]") -> Iterator[Piece]:
    for each in found:
        if isinstance(each, Piece):
            yield each
        else:
            say(f"not scored: {each.locator}: {each.reason}")


def _read_standard_input() -> "Iterator[RawRecord | Reject]":
    from feedback_model.transcripts.files import read_bytes

    return read_bytes(sys.stdin.buffer.read(), "standard input")
