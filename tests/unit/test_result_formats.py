"""A result as JSON lines, as a table and as a page: nothing is lost, and nothing in it is taken for markup or a formula."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from feedback_model.errors import InputError
from feedback_model.printable import without_controls
from feedback_model.scoring.answer import answer, with_documents
from feedback_model.scoring.format_names import format_of
from feedback_model.scoring.formats import COLUMNS, read_row_ids, render
from tests.scored import ASKED, REFUSED, Answers, a_document, an_output, around

HOSTILE = '</blockquote><script>alert("1")</script> &amp; =1+1'


def rows(*answers, asked=ASKED):
    found = [*a_document(30, record_id="a1"), REFUSED, *a_document(180, 60, name="d2", speaker="Ada")]
    return list(with_documents(answer(found, asked, Answers(answers))))


def in_one(shape, found):
    return "".join(render(found, shape))


def test_json_lines_have_a_line_a_row():
    found = [json.loads(line) for line in in_one("jsonl", rows()).splitlines()]
    assert [each["id"] for each in found] == ["a1", "r", None, None, None]
    assert found[0]["feedback"]["empathy"] == {
        "score": 5,
        "expectation": None,
        "interval": None,
        "probabilities": None,
        "explanation": "It deserves a 5.",
    }


def test_a_table_has_a_column_a_value():
    said = replace(an_output(*range(1, 7)), distributions=tuple(around(score) for score in range(1, 7)))
    found = list(csv.DictReader(io.StringIO(in_one("csv", rows(said)))))
    assert list(found[0]) == list(COLUMNS)
    assert [found[0][f"empathy_{part}"] for part in ("score", "expectation", "low", "high")] == ["4", "4.15", "4", "4"]
    assert [(each["document"], each["piece"], each["failure"]) for each in found[1:]] == [
        ("d9", "", "too_short"),
        ("d2", "1", ""),
        ("d2", "2", ""),
        ("d2", "", ""),
    ]


def test_a_table_has_no_formula():
    found = next(csv.DictReader(io.StringIO(in_one("csv", rows(an_output(explanation="=HYPERLINK(1)\n@x"))))))
    assert found["empathy_explanation"] == "'=HYPERLINK(1)\n@x"
    spoken = list(with_documents(answer(a_document(30, name="-1+1", speaker="@Ada"), ASKED, Answers())))
    named = next(csv.DictReader(io.StringIO(in_one("csv", spoken))))
    assert (named["document"], named["speaker"]) == ("'-1+1", "'@Ada")


def test_what_is_shown_orders_no_terminal():
    assert without_controls("a\x1b]52;c;YWJj\x07\tb\r\x9bc\n") == "a\ufffd]52;c;YWJj\ufffd\tb\ufffd\ufffdc\n"


def test_a_page_is_one_file_that_fetches_nothing():
    page = in_one("html", rows())
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>\n")
    assert "default-src 'none'" in page
    assert re.findall(r"<(?:script|link|img|iframe)\b|https?://|url\(", page) == []


def test_a_page_shows_each_document_and_reason():
    page = in_one("html", rows())
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", page) == ["a1", "r", "d2"]
    assert page.count("Part 1 of 2") == page.count("Part 2 of 2") == 1
    assert REFUSED.reason in page
    assert "Ada" in page


def test_a_page_takes_nothing_for_markup():
    found = rows(an_output(explanation=HOSTILE))
    found = [replace(row, text=row.text and HOSTILE) for row in found]
    page = in_one("html", found)
    assert "<script" not in page
    assert "</blockquote>&lt;" not in page


def test_a_page_draws_score_and_interval():
    said = replace(an_output(), distributions=(around(10, 0.0),) * 6)
    page = in_one("html", rows(said, asked=replace(ASKED, decoding="template"))[:1])
    assert page.count('style="left: 100.0%; right: 0.0%"') == 6
    assert page.count('aria-label="10.0 of 10, likely 10 to 10"') == 6


def test_a_page_marks_what_is_quoted():
    first = rows()[0].text.split()[0]
    page = in_one("html", rows(an_output(explanation=f'It says "{first}".'))[:1])
    assert page.count(f'<mark class="formality" title="Formality">{first}</mark>') == 2


def test_demo_figures_are_called_so():
    assert "demo figures" in in_one("html", rows(asked=replace(ASKED, stand_in=True)))
    assert "demo figures" not in in_one("html", rows())


@pytest.mark.parametrize("shape", ["jsonl", "csv", "html"])
def test_a_file_tells_which_rows_it_holds(shape, tmp_path: Path):
    found = rows(an_output(explanation='two\nlines, "quoted" data-row="0123"'))
    (tmp_path / "result").write_text(in_one(shape, found), encoding="utf-8")
    assert list(read_row_ids(tmp_path / "result", shape)) == [row.row_id for row in found if row.row_id]


@pytest.mark.parametrize("shape", ["jsonl", "csv", "html"])
def test_other_files_hold_no_rows(shape, tmp_path: Path):
    (tmp_path / "other").write_bytes(b"PK\x03\x04\xff\n{}\n[1]\n")
    assert set(read_row_ids(tmp_path / "other", shape)) <= {""}


def test_the_ending_tells_the_format():
    assert [format_of(Path(name)) for name in ("a.jsonl", "b.CSV", "c.htm")] == ["jsonl", "csv", "html"]
    with pytest.raises(InputError, match="--format"):
        format_of(Path("answers.json"))
