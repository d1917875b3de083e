"""Answers to pieces: rows come in the order of the documents, and none is held for long."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from feedback_model.errors import InputError
from feedback_model.inference.generator import Output
from feedback_model.progress import check_stop
from feedback_model.scoring.documents import Piece, Refusal
from feedback_model.scoring.rows import Row, WayOfAsking, document_row, piece_row, refusal_row, row_id_of

Ask = Callable[[Sequence[str]], Sequence[Output]]
"""Asks a model about texts; outputs come in their order."""
Chunk = Sequence[Piece | Refusal]
"""Pieces that are asked about together, and the refusals among them."""


def take_up(found: Iterator[Piece | Refusal], asked: WayOfAsking, answered: Iterable[Row]) -> Iterator[Row]:
    """Take from `found` what was answered before, and yield its rows.

    Raises:
        InputError: they are rows of another input.
    """
    for row in answered:
        each = next(found, None)
        if each is None or row_id_of(each, asked) != row.row_id:
            raise InputError(
                f"the input is not the one that was answered before: {row.names.locator} is another now; go on with the "
                "input as it was, name another --out, or start anew with --again"
            )
        check_stop()
        yield row


def answer(chunk: Chunk, asked: WayOfAsking, ask: Ask) -> list[Row]:
    """Return a row for each piece and each refusal, in order; the pieces are asked about together."""
    texts = [each.text for each in chunk if isinstance(each, Piece)]
    outputs = iter(ask(texts) if texts else ())
    return [
        piece_row(each, next(outputs), asked) if isinstance(each, Piece) else refusal_row(each, asked) for each in chunk
    ]


def with_documents(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield `rows`, and after the pieces of each long document the row that combines them."""
    pieces: list[Row] = []
    for row in rows:
        yield row
        if row.piece is None:
            continue
        pieces.append(replace(row, text=None, raw=None))
        if row.piece == row.pieces:
            yield document_row(pieces)
            pieces = []
