"""`feedback score` over many transcripts: any way in, any format out, and an interrupted one goes on without asking twice."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.cli.score import score
from feedback_model.errors import FeedbackError, InputError, Interrupted, ModelError
from feedback_model.inference.free import FreeGenerator
from feedback_model.inference.infer import model_versions
from feedback_model.progress import clear_stop, request_stop
from feedback_model.store.training import record_models
from tests.builders import a_speech
from tests.local_service import clean_environment, eventually

COUNT = 12


@pytest.fixture(autouse=True)
def folder(settings, tmp_path, monkeypatch) -> Path:
    """The folder that commands work in, with their home in it."""
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def base(store, micro_base):
    base, _ = model_versions(micro_base, None)
    record_models(store, [base])
    return base


@pytest.fixture
def run(base):
    """Score with an untrained model, which ends with the sentence that nothing was valid."""

    def run(*paths, **options):
        with pytest.raises(FeedbackError) as ended:
            score([str(path) for path in paths], base.model_id, **{"max_new_tokens": 1} | options)
        return ended.value

    return run


@pytest.fixture
def talks(folder) -> Path:
    lines = (json.dumps({"text": a_speech(number, 20), "id": f"t{number}"}) for number in range(COUNT))
    (folder / "talks.jsonl").write_text("\n".join(lines))
    return Path("talks.jsonl")


def ids(lines: str) -> list[str]:
    return [json.loads(line)["id"] for line in lines.splitlines()]


def test_files_folders_and_streams_are_read_together(run, talks, folder, capsys, monkeypatch):
    (folder / "more").mkdir()
    (folder / "more" / "a.txt").write_text(a_speech(100, 20))
    (folder / "more" / "b.csv").write_text(f"id,text,speaker\nc1,{a_speech(101, 20)},Ada\n")
    sent = json.dumps({"text": a_speech(102, 20), "id": "s1"})
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sent.encode())))
    run(talks, "more", "-")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["id"] for row in rows] == [*(f"t{number}" for number in range(COUNT)), None, "c1", "s1"]
    assert [row["speaker"] for row in rows][-2] == "Ada"


def test_repeated_ids_keep_a_row_each(run, folder, capsys):
    line = json.dumps({"text": a_speech(1, 20), "id": "same"})
    (folder / "talks.jsonl").write_text(f"{line}\n{line}\n")
    run("talks.jsonl")
    rows = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert [(row["id"], row["locator"]) for row in rows] == [("same", "talks.jsonl:1"), ("same", "talks.jsonl:2")]
    assert len({row["row_id"] for row in rows}) == 2


def test_another_column_may_hold_the_text(run, folder, capsys):
    (folder / "talks.jsonl").write_text(json.dumps({"words": a_speech(1, 20), "id": "w"}))
    run("talks.jsonl", text_column="words")
    assert ids(capsys.readouterr().out) == ["w"]


def test_each_speaker_of_a_meeting_has_rows(run, capsys):
    run(Path(__file__).parents[2] / "fixtures" / "formats" / "teams.vtt", speaker="each")
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert [row["speaker"] for row in rows] == ["Ana Ruiz", "Ben Okafor", "Chen Li"]


def test_a_table_and_a_page_go_to_standard_output(run, talks, capsys):
    run(talks, format_="csv")
    assert next(csv.DictReader(io.StringIO(capsys.readouterr().out)))["id"] == "t0"
    run(talks, format_="html")
    assert capsys.readouterr().out.count("<article>") == COUNT


@pytest.mark.parametrize("ending", ["jsonl", "csv", "html"])
def test_a_file_is_written_whole(run, talks, folder, ending, capsys):
    out = Path(f"answers.{ending}")
    assert isinstance(run(talks, out=out), ModelError)
    assert out.read_text().count("t11") >= 1
    assert sorted(path.name for path in folder.glob("*answers*")) == [out.name]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("ending", ["jsonl", "csv", "html"])
def test_the_same_command_again_asks_nothing(run, base, talks, asked, ending, capsys):
    out = Path(f"answers.{ending}")
    run(talks, out=out)
    before = out.read_bytes()
    assert "has no valid feedback; its rows say why" in str(run(talks, out=out))  # as when it was written
    assert len(asked) == COUNT
    assert out.read_bytes() == before
    assert "is there already" in capsys.readouterr().err


def test_an_interrupted_result_goes_on(run, talks, asked, monkeypatch):
    """A request to stop leaves what was answered, and the same command asks for the rest alone."""
    out = Path("answers.jsonl")
    generate = FreeGenerator.generate
    with monkeypatch.context() as patch:
        patch.setattr(
            FreeGenerator,
            "generate",
            lambda self, batch: (len(asked) > 2 and request_stop()) or generate(self, batch),
        )
        assert isinstance(run(talks, out=out), Interrupted)
    clear_stop()
    kept = ids(Path("answers.jsonl.partial").read_text())
    assert kept
    assert not out.exists()
    asked.clear()
    run(talks, out=out)
    assert len(asked) == COUNT - len(kept)
    assert ids(out.read_text()) == [f"t{number}" for number in range(COUNT)]


def test_a_killed_result_goes_on(run, base, settings, folder, asked):
    """SIGKILL in the middle costs no answered row, and none of them is asked for again."""
    count = 400
    lines = [json.dumps({"text": a_speech(number, 20), "id": f"t{number}"}) for number in range(count)]
    (folder / "talks.jsonl").write_text("\n".join(lines))
    command = [sys.executable, "-m", "deployments.cli", "score", "talks.jsonl", "--out", "answers.jsonl"]
    options = ["--model", base.model_id, "--max-new-tokens", "1"]
    environment = clean_environment(settings.home) | {"PYTHONPATH": os.pathsep.join(sys.path)}
    partial = folder / "answers.jsonl.partial"
    with subprocess.Popen([*command, *options], env=environment, stderr=subprocess.DEVNULL) as process:
        eventually(lambda: (partial.exists() and partial.read_bytes().count(b"\n") > 2) or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    kept = partial.read_bytes().count(b"\n")
    assert 0 < kept < count
    run("talks.jsonl", out=Path("answers.jsonl"))
    assert len(asked) == count - kept
    assert ids((folder / "answers.jsonl").read_text()) == [f"t{number}" for number in range(count)]


def test_an_interruption_changes_no_result(run, talks, folder):
    """A long document that was cut off between its pieces is combined as if it had not been."""
    long = " ".join(a_speech(number) for number in range(20))
    (folder / "long.jsonl").write_text(json.dumps({"text": long, "id": "long"}) + "\n" + talks.read_text())
    run("long.jsonl", out=Path("whole.jsonl"))
    rows = [json.loads(line) for line in Path("whole.jsonl").read_text().splitlines()]
    pieces = [json.dumps(row) + "\n" for row in rows if row["row_id"]]
    Path("cut.jsonl.partial").write_text("".join(pieces[:2]))
    run("long.jsonl", out=Path("cut.jsonl"))
    assert [row["piece"] for row in rows[:6]] == [1, 2, 3, 4, 5, None]
    assert Path("cut.jsonl").read_text() == Path("whole.jsonl").read_text()


def test_another_input_is_refused(run, talks):
    run(talks, out=Path("answers.jsonl"))
    talks.write_text(talks.read_text().replace("t3", "t33"))
    assert "is there already" in str(run(talks, out=Path("answers.jsonl")))
    assert isinstance(run(talks, out=Path("answers.jsonl"), again=True), ModelError)
    assert "t33" in Path("answers.jsonl").read_text()


def test_another_way_of_asking_is_refused(run, talks):
    run(talks, out=Path("answers.jsonl"))
    Path("answers.jsonl").rename("answers.jsonl.partial")
    assert "asked in another way" in str(run(talks, out=Path("answers.jsonl"), max_new_tokens=2))


def test_what_is_read_is_never_overwritten(run, talks, folder):
    before = talks.read_bytes()
    for path, out in ((talks, talks), (folder, Path("answers.jsonl")), (talks, folder / "x" / ".." / "talks.jsonl")):
        assert "write it elsewhere" in str(run(path, out=out, again=True))
    assert talks.read_bytes() == before


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nowhere.txt", "there is no file or folder 'nowhere.txt'"),
        ("empty", "the folder 'empty' holds no files"),
        ("pictures", "pictures holds no transcript that can be scored: pictures/one.png: this is a picture"),
        ("picture.png", "picture.png holds no transcript that can be scored: this is a picture"),
        ("blank.jsonl", "blank.jsonl holds no transcript that can be scored"),
    ],
    ids=["missing", "empty folder", "folder", "binary", "blank lines"],
)
def test_nothing_to_score_gives_one_sentence(run, folder, path, sentence, asked):
    for name in ("empty", "pictures"):
        (folder / name).mkdir()
    for name in ("picture.png", "pictures/one.png"):
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    (folder / "blank.jsonl").write_text("\n \n")
    ended = run(path)
    assert isinstance(ended, InputError)
    assert str(ended).startswith(sentence)
    assert asked == []


def test_refused_documents_are_rows_with_reasons(run, talks, folder, capsys):
    (folder / "short.txt").write_text("Hello")
    (folder / "noise.txt").write_bytes(bytes(range(256)) * 10)
    run("short.txt", "noise.txt", talks)
    shown = capsys.readouterr()
    rows = [json.loads(line) for line in shown.out.splitlines()]
    assert [row["failure"] for row in rows[:2]] == ["too_short", "not_utf8"]
    assert "not scored: short.txt: 1 word" in shown.err
    assert f"scored: {COUNT} of {COUNT + 2} documents in {COUNT} pieces, 2 refused" in shown.err


def test_a_very_long_text_is_cut_and_combined(run, folder, asked, capsys):
    (folder / "long.txt").write_text(" ".join(a_speech(number) for number in range(500)))
    run("long.txt")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (len(asked), len(rows), rows[-1]["words"], rows[-1]["piece"]) == (109, 110, 20_000, None)


def test_an_unwritable_place_is_told_before_asking(run, talks, asked):
    assert "nowhere/answers.csv cannot be written" in str(run(talks, out=Path("nowhere/answers.csv")))
    assert asked == []


def test_a_full_device_is_told_in_one_sentence(run, talks, monkeypatch):
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        ended = run(talks)
    assert str(ended) == "standard output cannot be written: No space left on device; make room for it"
