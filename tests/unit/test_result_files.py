"""A result file is there whole or not at all, and what was answered before an end of any kind is there to go on from."""

import errno
import resource
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from feedback_model.errors import ConfigurationError, InputError
from feedback_model.scoring.answer import answer, with_documents
from feedback_model.scoring.formats import render
from feedback_model.scoring.result_file import is_published, writing
from feedback_model.scoring.rows import row_id_of, to_json
from tests.scored import ASKED, REFUSED, Answers, a_document

TALKS = [*a_document(30), REFUSED, *a_document(180, 60, name="d2")]
ROWS = answer(TALKS, ASKED, Answers())
IDS = [row_id_of(each, ASKED) for each in TALKS]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.csv"


@pytest.fixture
def partial(path: Path) -> Path:
    return path.with_name("answers.csv.partial")


def write(path, rows=ROWS, **options):
    with writing(path, "csv", **options) as result:
        for row in rows:
            result.keep(row)
        result.publish()


def test_a_finished_file_stands_alone(path):
    write(path)
    assert path.read_text() == "".join(render(with_documents(ROWS), "csv"))
    assert list(path.parent.iterdir()) == [path]


def test_before_it_is_finished_nothing_has_its_name(path, partial):
    with writing(path, "csv") as result:
        result.keep(ROWS[0])
        assert not path.exists()
        assert partial.read_text() == to_json(ROWS[0]) + "\n"


def test_what_was_kept_is_there_later(path):
    with writing(path, "csv") as result:
        result.keep(ROWS[0])
        result.keep(ROWS[1])
    with writing(path, "csv") as result:
        assert list(result.answered(ASKED)) == ROWS[:2]


@pytest.mark.parametrize("torn", [b'{"id": ', b"x" * 200_000, b"\xff\x00"], ids=["short", "long", "bytes"])
def test_half_a_line_is_forgotten(path, partial, torn):
    partial.write_bytes(f"{to_json(ROWS[0])}\n".encode() + torn)
    with writing(path, "csv") as result:
        assert list(result.answered(ASKED)) == ROWS[:1]
        result.keep(ROWS[1])
        assert list(result.answered(ASKED)) == ROWS[:2]


def test_nothing_answered_leaves_no_file(path):
    with writing(path, "csv"):
        pass
    assert list(path.parent.iterdir()) == []


def test_again_begins_anew(path):
    with writing(path, "csv") as result:
        result.keep(ROWS[0])
    with writing(path, "csv", again=True) as result:
        assert list(result.answered(ASKED)) == []


def test_answers_of_another_model_are_refused(path):
    with writing(path, "csv") as result:
        result.keep(ROWS[0])
    other = replace(ASKED, inference_id="inference-3")
    with writing(path, "csv") as result, pytest.raises(InputError, match=r"answers of epoch-2 .*model-2.*--again"):
        list(result.answered(other))


def test_another_file_at_its_place_is_refused(path, partial):
    partial.write_text("my notes\n")
    with writing(path, "csv") as result, pytest.raises(InputError, match="is not a result of `feedback score`"):
        list(result.answered(ASKED))
    assert partial.read_text() == "my notes\n"


def test_two_processes_do_not_share_it(path):
    with writing(path, "csv"), pytest.raises(InputError, match="another process"), writing(path, "csv"):
        pass


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere.*No such file"), writing(tmp_path / "nowhere/a.csv", "csv"):
        pass


@contextmanager
def files_of_at_most(n_bytes: int):
    """As on a full disk: what would make any file longer than this fails in its middle."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_costs_no_whole_row(path, partial):
    with writing(path, "csv") as result:
        result.keep(ROWS[0])
        with files_of_at_most(partial.stat().st_size + 10), pytest.raises(ConfigurationError, match="make room"):
            result.keep(ROWS[1])
    with writing(path, "csv") as result:
        assert list(result.answered(ASKED)) == ROWS[:1]


def test_a_full_disk_at_the_end_keeps_all(path, partial):
    """Where there is no room for the result, its answers are there for the next call."""
    with writing(path, "csv") as result:
        for row in ROWS:
            result.keep(row)
        with files_of_at_most(10), pytest.raises(ConfigurationError, match="the same command goes on"):
            result.publish()
    assert list(path.parent.iterdir()) == [partial]
    write(path, rows=[])
    assert is_published(path, "csv", IDS)


def test_errors_of_others_pass_unchanged(path):
    with pytest.raises(OSError, match="its own trouble"), writing(path, "csv"):
        raise OSError(errno.EIO, "its own trouble")


def test_a_finished_file_is_known_again(path):
    assert not is_published(path, "csv", IDS)
    write(path)
    assert is_published(path, "csv", IDS)


@pytest.mark.parametrize("ids", [IDS[:-1], [*IDS, "more"], IDS[::-1], []], ids=["fewer", "more", "order", "none"])
def test_a_file_of_another_input_is_refused(path, ids):
    write(path)
    with pytest.raises(InputError, match="is there already"):
        is_published(path, "csv", ids)


def test_a_file_of_another_kind_is_refused(path):
    path.write_text("my own table")
    with pytest.raises(InputError, match="--again"):
        is_published(path, "csv", IDS)


def test_with_a_partial_file_more_is_to_do(path, partial):
    """A kill between the naming of the file and the end of the partial one is mended by the next call."""
    write(path)
    partial.write_text("".join(f"{to_json(row)}\n" for row in ROWS))
    assert not is_published(path, "csv", IDS)
    with writing(path, "csv") as result:
        result.publish()
    assert list(path.parent.iterdir()) == [path]
