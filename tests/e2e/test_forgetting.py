"""After a whole loop on a person's speech, one command takes it out of everything under the home; the report still verifies."""

import shutil
from pathlib import Path

import polars

from feedback_model.demo.speech import write_demo_input
from tests.builders import a_speech
from tests.e2e.conftest import Installation

WORD, PERSON = "zanzibarian", "Ximena Quill"


def write_talks(folder: Path) -> None:
    """Talks of one person, a word of hers in each."""
    folder.mkdir()
    for number in range(8):
        said = f"Honestly, um, the {WORD} {a_speech(number)} So, however, we thank you all."
        cue = f"WEBVTT\n\n00:00:01.000 --> 00:00:59.000\n<v {PERSON}>{said}</v>\n"
        (folder / f"talk-{number}.vtt").write_text(cue)


def files_that_tell(home: Path) -> list[str]:
    """List the files in which the word or the name stands, compressed tables included."""
    tables = [path for path in home.rglob("*.parquet") if WORD in repr(polars.read_parquet(path).to_dicts())]
    plain = [
        path
        for path in home.rglob("*")
        if path.is_file() and any(each.encode() in path.read_bytes() for each in (WORD, PERSON))
    ]
    return sorted(str(path.relative_to(home)) for path in {*tables, *plain})


def test_a_person_is_forgotten_everywhere(tmp_path: Path) -> None:
    home = tmp_path / "home"
    service = Installation(home, {"FEEDBACK_TRACEBACK": "", "WANDB_MODE": "offline"})

    def run(*arguments: str, succeeds: bool = True) -> str:
        ended = service.run(*arguments)
        assert (ended.returncode == 0) == succeeds, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    write_demo_input(tmp_path / "others.jsonl", 60, 3)
    write_talks(tmp_path / "talks")
    run("land", str(tmp_path / "others.jsonl"))
    run("land", str(tmp_path / "talks"), "--speaker", "each")
    run("run", "--labeller", "embedded", "--base-model", "embedded", "--epochs", "1")
    shutil.copy(home / "reports" / "latest.html", tmp_path / "handed-out.html")
    before = files_that_tell(home)
    assert "feedback.db" in " ".join(before)
    told = run("forget", PERSON, "--yes")
    assert "checkpoints/" in told
    assert files_that_tell(home) == []
    assert "all agrees" in run("report", "verify", str(home / "reports" / "latest.html"))
    assert "forgotten: " in run("report", "verify", str(tmp_path / "handed-out.html"))
    assert "8 forgotten" in run("land", str(tmp_path / "talks"), "--speaker", "each", succeeds=False)
    assert "nothing is kept" in run("forget", PERSON, "--yes", succeeds=False)
    run("train", "--labeller", "embedded", "--base-model", "embedded", "--epochs", "1")
