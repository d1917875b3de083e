"""Rows come in the order of the documents, each document has one of its own, and a row can be read again as it was."""

from dataclasses import replace

import pytest

from feedback_model.errors import InputError
from feedback_model.scoring.answer import answer, take_up, with_documents
from feedback_model.scoring.rows import NO_VALID_PIECE, from_json, piece_row, refusal_row, to_fields, to_json
from feedback_model.scoring.tally import TOLD, Tally
from tests.scored import ASKED, REFUSED, Answers, a_document, an_output, around, nonsense

TALKS = [
    *a_document(30),
    REFUSED,
    *a_document(180, 60, name="d2", record_id="7", speaker="Ada"),
    *a_document(40, name="d3"),
]


def rows_of(found, answers=()):
    return list(with_documents(answer(found, ASKED, Answers(answers))))


def test_each_document_has_one_row_of_its_own():
    rows = rows_of(TALKS)
    assert [(row.names.document, row.piece) for row in rows] == [
        ("d1", None),
        ("d9", None),
        ("d2", 1),
        ("d2", 2),
        ("d2", None),
        ("d3", None),
    ]
    assert [row.names.document for row in rows if row.piece is None] == ["d1", "d9", "d2", "d3"]


def test_a_documents_row_keeps_its_users_names():
    combined = rows_of(TALKS)[4]
    assert (combined.names.record_id, combined.names.speaker, combined.pieces) == ("7", "Ada", 2)
    assert (combined.words, combined.text, combined.row_id) == (240, None, None)


def test_invalid_pieces_are_left_out_and_counted():
    combined = rows_of(a_document(100, 100, 100), [an_output(*[2] * 6), nonsense(), an_output(*[4] * 6)])[-1]
    assert (combined.valid_pieces, combined.pieces, combined.failure) == (2, 3, None)
    assert combined.feedback[0].expectation == 3


def test_without_valid_pieces_there_is_no_score():
    combined = rows_of(a_document(100, 100), [nonsense(), nonsense()])[-1]
    assert (combined.feedback, combined.failure) == (None, NO_VALID_PIECE)


def test_refused_documents_keep_their_place_and_reason():
    row = rows_of(TALKS)[1]
    assert (row.failure, row.reason, row.pieces, row.feedback) == (REFUSED.code, REFUSED.reason, 0, None)


@pytest.mark.parametrize("row", [*rows_of(TALKS), *rows_of(a_document(60), [nonsense()])])
def test_a_row_is_read_again_as_it_was(row):
    assert from_json(to_json(row).encode()) == row


def test_score_distributions_are_read_again_as_they_were():
    said = replace(an_output(*range(1, 7)), distributions=tuple(around(score) for score in range(1, 7)))
    row = piece_row(a_document(30)[0], said, ASKED)
    assert from_json(to_json(row).encode()) == row
    assert [trait.interval for trait in row.feedback] == [(score, score) for score in range(1, 7)]


def test_scores_come_from_distributions_where_there_are_any():
    """Under `direct` a model says nothing, and has scores all the same."""
    said = replace(an_output(), raw=b"", distributions=(around(8),) * 6)
    row = piece_row(a_document(30)[0], said, replace(ASKED, decoding="direct"))
    assert [(trait.score, trait.explanation) for trait in row.feedback] == [(8, None)] * 6
    assert (row.tier, row.failure, row.raw, row.valid_pieces) == (None, None, None, 1)


def test_fields_begin_with_the_users_names():
    assert list(to_fields(rows_of(TALKS)[0]))[:5] == ["id", "document", "speaker", "locator", "piece"]


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"id": 1}', b"\xff"])
def test_other_lines_are_no_rows(line):
    with pytest.raises(ValueError):
        from_json(line)


def test_answered_pieces_are_not_asked_again():
    rows = answer(TALKS, ASKED, Answers())
    found, asked = iter(TALKS), Answers()
    taken = list(take_up(found, ASKED, rows[:3]))
    later = answer(list(found), ASKED, asked)
    assert [*taken, *later] == rows
    assert asked.texts == [piece.text for piece in TALKS[3:]]


@pytest.mark.parametrize(
    "other",
    [TALKS[::-1], TALKS[:1], [replace(TALKS[0], text=f"{TALKS[0].text} And more."), *TALKS[1:]]],
    ids=["another order", "fewer", "another text"],
)
def test_rows_of_another_input_are_not_taken_up(other):
    before = answer(TALKS, ASKED, Answers())[:3]
    with pytest.raises(InputError, match="--again"):
        list(take_up(iter(other), ASKED, before))


def test_a_row_is_named_by_text_names_and_model():
    (piece,) = a_document(30)
    others = (replace(piece, text="other"), *a_document(30, name="d2"), *a_document(30, speaker="Ada"))
    rows = [piece_row(each, an_output(), ASKED) for each in (piece, *others)]
    rows += [piece_row(piece, an_output(), replace(ASKED, inference_id="other"))]
    assert len({row.row_id for row in rows}) == len(rows)


def test_tally_counts_documents_and_pieces():
    told = []
    tally = Tally(told.append)
    for row in answer([*TALKS, *a_document(30)], ASKED, Answers([an_output(), nonsense()])):
        tally.count(row)
    counts = "4 of 5 documents in 5 pieces, 1 refused, 1 piece without valid feedback"
    assert tally.phrase() == f"{counts}, 5 pieces not in English, whose scores mean little"
    assert (tally.cut_answers, told) == (1, ["not scored: talks.jsonl:9: 1 word; at least 20 are needed"])


def test_only_the_first_refused_documents_are_told():
    told = []
    tally = Tally(told.append)
    for _ in range(3 * TOLD):
        tally.count(refusal_row(REFUSED, ASKED))
    assert len(told) == TOLD
    assert tally.phrase() == f"0 of {3 * TOLD} documents in 0 pieces, {3 * TOLD} refused"


def test_a_document_lasts_from_its_first_piece_to_its_last():
    """Pieces without times, such as those of a file that gives some, count for nothing."""
    pieces = [
        replace(piece, start=start, end=end)
        for piece, (start, end) in zip(
            a_document(100, 100, 100), [(12.0, 70.0), (None, None), (65.5, 130.0)], strict=True
        )
    ]
    rows = rows_of(pieces, [an_output(*[4] * 6)] * 3)
    assert [(row.start, row.end) for row in rows] == [(12.0, 70.0), (None, None), (65.5, 130.0), (12.0, 130.0)]
    assert from_json(to_json(rows[0]).encode()) == rows[0]
