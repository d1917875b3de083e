"""Rows of a result: one for each piece of a long document, one for each document, one for each that was refused.

`piece` is None in the row that speaks for a whole document, so those rows alone have one row a document.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from feedback_model.inference.generator import Output
from feedback_model.parsing import judge
from feedback_model.records.evaluation import Decoding, FinishReason, Tier
from feedback_model.records.identifiers import content_id
from feedback_model.scoring.documents import DocumentNames, Piece, Refusal
from feedback_model.scoring.trait_scores import TraitScore, TraitScores, combine, score_piece
from feedback_model.traits import TRAIT_KEYS
from feedback_model.transcripts.cleaning import count_words
from feedback_model.transcripts.documents import transcript_id_of
from feedback_model.transcripts.english import seems_english

NO_VALID_PIECE: Final = "no_valid_piece"


@dataclass(frozen=True, slots=True)
class WayOfAsking:
    """The model that answers, and how it is asked."""

    model: str
    """Its name in its evaluation: `epoch-2`."""
    model_id: str
    champion: bool
    """True where this model is the champion."""
    stand_in: bool
    """True where its base is the demo's."""
    decoding: Decoding
    inference_id: str
    """Names model, decoding, prompt and limits, as in the database."""


@dataclass(frozen=True, slots=True)
class Row:
    """Feedback on a piece or a document, or why a document has none."""

    names: DocumentNames
    piece: int | None
    """Counted from 1; None in the row of a whole document."""
    pieces: int
    """Of the document; 0 where it was refused."""
    valid_pieces: int
    """That have scores."""
    words: int
    start: float | None
    """Of the text in its recording, in seconds; None where the file has no times."""
    end: float | None
    feedback: TraitScores | None
    failure: str | None
    """Code of the first thing that is wrong with the answer or, in a refused document, with the text."""
    reason: str | None
    """The same in a sentence."""
    asked: WayOfAsking
    row_id: str | None = None
    """Names the question: the text, what its user calls it, and the way of asking. None in a row that combines others."""
    transcript_id: str | None = None
    """Of the text, as in the database."""
    truncated: bool = False
    """True where the model could not read the text to its end."""
    english: bool = True
    """False where the text seems to be in another language, of which no model here knows how its scores are meant."""
    finish_reason: FinishReason | None = None
    tier: Tier | None = None
    """How valid the answer is; None under `direct`, which gives no text."""
    raw: str | None = None
    """The answer as it came."""
    text: str | None = None
    """The text as the model was given it."""


def row_id_of(each: Piece | Refusal, asked: WayOfAsking) -> str:
    """Name the question that `each` is, so that an answer is known to belong to it."""
    text = (each.number, transcript_id_of(each.text)) if isinstance(each, Piece) else (None, each.code)
    return content_id("row", asked.inference_id, asdict(each.names), *text)


def refusal_row(refusal: Refusal, asked: WayOfAsking) -> Row:
    """Make the row of a document that was refused."""
    return Row(
        names=refusal.names,
        piece=None,
        pieces=0,
        valid_pieces=0,
        words=0,
        start=None,
        end=None,
        feedback=None,
        failure=refusal.code,
        reason=refusal.reason,
        asked=asked,
        row_id=row_id_of(refusal, asked),
    )


def piece_row(piece: Piece, said: Output, asked: WayOfAsking) -> Row:
    """Make the row of a piece, which for a document in one piece is the row of the document."""
    judgement = None if asked.decoding == "direct" else judge(said.raw, said.finish_reason)
    strict = judgement.feedback if judgement and judgement.tier == "strict" else None
    failure = judgement.failure if judgement else None
    feedback = score_piece(strict, said.distributions)
    return Row(
        names=piece.names,
        piece=piece.number if piece.pieces > 1 else None,
        pieces=piece.pieces,
        valid_pieces=int(feedback is not None),
        words=count_words(piece.text),
        start=piece.start,
        end=piece.end,
        feedback=feedback,
        failure=failure and str(failure.code),
        reason=failure and failure.code.sentence,
        asked=asked,
        row_id=row_id_of(piece, asked),
        transcript_id=transcript_id_of(piece.text),
        truncated=said.truncated,
        english=seems_english(piece.text),
        finish_reason=said.finish_reason,
        tier=judgement.tier if judgement else None,
        raw=said.raw.decode("utf-8", "replace") if judgement else None,
        text=piece.text,
    )


def document_row(pieces: Sequence[Row]) -> Row:
    """Combine the rows of a document's pieces into its own."""
    valid = [(row.feedback, row.words) for row in pieces if row.feedback is not None]
    return Row(
        names=pieces[0].names,
        piece=None,
        pieces=len(pieces),
        valid_pieces=len(valid),
        words=sum(row.words for row in pieces),
        start=min((row.start for row in pieces if row.start is not None), default=None),
        end=max((row.end for row in pieces if row.end is not None), default=None),
        feedback=combine(*zip(*valid, strict=True)) if valid else None,
        failure=None if valid else NO_VALID_PIECE,
        reason=None if valid else "No piece has valid feedback.",
        asked=pieces[0].asked,
        truncated=any(row.truncated for row in pieces),
        english=all(row.english for row in pieces),
    )


def to_json(row: Row) -> str:
    """Render a row as one line of JSON."""
    return json.dumps(to_fields(row), ensure_ascii=False)


def to_fields(row: Row) -> dict[str, Any]:
    """Return the fields of a row under the names, and in the order, in which they are printed."""
    shown: dict[str, Any] = {}
    for field in fields(Row):
        match value := getattr(row, field.name):
            case DocumentNames():
                shown |= {"id": value.record_id, "document": value.document}
                shown |= {"speaker": value.speaker, "locator": value.locator}
            case WayOfAsking():
                shown |= asdict(value)
            case tuple():
                shown["feedback"] = dict(zip(TRAIT_KEYS, map(asdict, value), strict=True))
            case _:
                shown[field.name] = value
    return shown


def from_json(line: bytes) -> Row:
    """Read a row that `to_json` rendered.

    Raises:
        ValueError: it is none.
    """
    try:
        known = json.loads(line)
        names = DocumentNames(known["id"], known["document"], known["speaker"], known["locator"])
        asked = WayOfAsking(**{field.name: known[field.name] for field in fields(WayOfAsking)})
        feedback = known["feedback"] and tuple(_trait_score(known["feedback"][key]) for key in TRAIT_KEYS)
        others = {field.name: known[field.name] for field in fields(Row) if field.name not in _COMPOSED}
        return Row(names=names, asked=asked, feedback=feedback, **others)
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no row of feedback: {line[:80]!r}") from error


_COMPOSED: Final = {"names", "asked", "feedback"}


def _trait_score(known: dict[str, Any]) -> TraitScore:
    interval, probabilities = known["interval"], known["probabilities"]
    return TraitScore(
        known["score"],
        known["expectation"],
        interval and (interval[0], interval[1]),
        probabilities and tuple(probabilities),
        known["explanation"],
    )
