"""`feedback score`: a text is read as landing reads it, and whatever is sent gives an answer or one sentence."""

import io
import json
import subprocess
import sys

import pytest

from deployments.cli.score import score
from feedback_model.errors import FeedbackError, InputError, Interrupted, ModelError
from feedback_model.inference.free import FreeGenerator
from feedback_model.inference.infer import infer, model_versions
from feedback_model.progress import request_stop
from feedback_model.store.predictions import read_outputs
from feedback_model.store.training import record_models
from feedback_model.store.transcripts import transcripts
from feedback_model.transcripts.landing import land
from tests.builders import a_speech

LIMIT = 3  # new tokens: the model is untrained, so what it says is of no use anyway
PLAIN = "Well, we met at the café.\n" + a_speech(1, 20)
ODD = (
    "\ufeff  Well,\u00a0we  met at\u200b the cafe\u0301.\r\n\r\n"
    + a_speech(1, 20).replace(" ", " \t", 3)
    + "\u2060\r\n"
)


def talks(count):
    """JSON lines with so many texts."""
    return "\n".join(json.dumps({"text": a_speech(number, 20), "id": f"t{number}"}) for number in range(count))


@pytest.fixture
def base(store, settings, micro_base, monkeypatch):
    """A base model that the store knows, in the home folder that commands use."""
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    base, _ = model_versions(micro_base, None)
    record_models(store, [base])
    return base


@pytest.fixture
def ask(base, tmp_path, capsys):
    """Score a text; returns what came on standard output, what on standard error, and how it ended."""

    def ask(text, name="talk.txt", **options):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        ended = None
        try:
            score([str(tmp_path / name)], base.model_id, **{"max_new_tokens": LIMIT} | options)
        except FeedbackError as error:
            ended = error
        shown = capsys.readouterr()
        return printed(shown.out), shown.err, ended

    return ask


def printed(text):
    """What was printed: None, an object, or the list of those on its lines."""
    if text.startswith("{\n"):
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines()] or None


def test_odd_spaces_change_no_answer(ask, asked):
    """A text with CRLF, a byte order mark and invisible characters is asked about as the same text without."""
    plain, odd = ask(PLAIN)[0], ask(ODD)[0]
    assert asked == [PLAIN, PLAIN]
    assert odd["raw"] == plain["raw"]


def test_scoring_reads_what_landing_kept(store, settings, base, ask, tmp_path):
    scored, _, _ = ask(ODD)
    land(store, [str(tmp_path / "talk.txt")])
    kept = transcripts(store)
    inference_id = infer(store, settings.home, base, kept, max_new_tokens=LIMIT)
    assert [output.raw.decode() for output in read_outputs(store, inference_id)] == [scored["raw"]]


def test_long_text_is_scored_in_landed_pieces(store, ask, asked, tmp_path):
    answers, _, _ = ask(" ".join(a_speech(number) for number in range(20)))
    land(store, [str(tmp_path / "talk.txt")])
    assert sorted(asked) == sorted(kept.text for kept in transcripts(store))
    assert [(answer["piece"], answer["pieces"]) for answer in answers] == [(n, 5) for n in (*range(1, 6), None)]
    assert {answer["document"] for answer in answers} == {str(tmp_path / "talk.txt")}


def test_a_short_text_stays_one_object(ask):
    answer, _, ended = ask(PLAIN)
    assert (answer["piece"], answer["pieces"], answer["champion"], answer["model"]) == (None, 1, False, "base")
    assert isinstance(ended, ModelError)


def test_records_come_back_in_their_order(ask, tmp_path):
    lines = [json.dumps({"text": a_speech(number, 20 + number % 7), "document": f"d{number}"}) for number in range(12)]
    answers, _, _ = ask("\r\n".join(lines), "talks.jsonl")
    assert [answer["document"] for answer in answers] == [f"d{number}" for number in range(12)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Hello", "1 word; at least 20 are needed"),
        ("", "the file is empty"),
        (" \r\n\t", "nothing said in it"),
        ("\u200b\u2060 \ufeff\u00ad " * 40, "0 words; at least 20 are needed"),
        ("\u200d \u200e " * 40, "only 0% of its characters are letters"),
        ("1 2 3 " * 40, "only 0% of its characters are letters"),
        (b"\xff\xfeh\x00i\x00", "1 word; at least 20 are needed"),
        (bytes(range(256)) * 40, "no text in an encoding that is known"),
    ],
    ids=["one word", "empty", "space", "invisible", "marks", "digits", "utf-16", "noise"],
)
def test_text_beyond_judging_gives_one_sentence(ask, text, reason):
    answer, said, ended = ask(text)
    assert answer is None
    assert said == ""
    assert isinstance(ended, InputError)
    assert "talk.txt holds no transcript that can be scored" in str(ended)
    assert reason in str(ended)


def test_another_language_is_answered(ask, asked):
    ask("今日は皆さんにお集まりいただき、本当にありがとうございます。まず予算の話をします。")
    ask("Nous sommes réunis ce soir pour parler du budget de notre ville et de ses écoles. " * 3)
    assert len(asked) == 2


def test_refused_records_leave_the_others(ask):
    lines = [json.dumps({"text": text}) for text in ("Hello", a_speech(1), a_speech(2))]
    answers, said, _ = ask("\n".join(lines), "talks.jsonl")
    assert [answer["locator"].rsplit(":")[-1] for answer in answers] == ["1", "2", "3"]
    assert [answer["failure"] for answer in answers][:1] == ["too_short"]
    assert "talks.jsonl:1: 1 word" in said.replace("\n", "")


def test_a_stop_keeps_what_was_answered(ask, monkeypatch):
    """A request to stop in the middle leaves whole rows of what was answered before."""
    generate = FreeGenerator.generate
    answered = []

    def then_stop(self, batch):
        if len(answered) >= 3:
            request_stop()
        answered.extend(batch)
        return generate(self, batch)

    monkeypatch.setattr(FreeGenerator, "generate", then_stop)
    answers, _, ended = ask(talks(10), "talks.jsonl", max_new_tokens=1)
    assert isinstance(ended, Interrupted)
    assert len(answers) == 3


@pytest.mark.parametrize("text", [PLAIN, json.dumps({"text": PLAIN})])
def test_standard_input_may_open_with_a_mark(base, asked, capsys, monkeypatch, text):
    """A text and a JSON line on standard input are told apart behind a byte order mark, too."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(("\ufeff" + text).encode())))
    with pytest.raises(ModelError):
        score(["-"], base.model_id, max_new_tokens=LIMIT)
    assert asked == [PLAIN]
    assert json.loads(capsys.readouterr().out)["document"].startswith("standard input")


def test_a_reader_that_leaves_ends_scoring_quietly(base, settings, tmp_path):
    """A reader such as `head` that has enough ends the command without a traceback."""
    (tmp_path / "talks.jsonl").write_text(talks(8))
    command = [sys.executable, "-m", "deployments.cli", "score", str(tmp_path / "talks.jsonl")]
    options = ["--model", base.model_id, "--max-new-tokens", "1"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        said = running.stderr.read()
    assert running.returncode == 1
    assert "error" not in said.lower()
    assert "Traceback" not in said
