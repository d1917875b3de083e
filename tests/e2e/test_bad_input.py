"""Bad input and broken surroundings: one sentence on stderr, exit status 1, nothing lost."""

from pathlib import Path

from tests.e2e.conftest import COUNT, Installation
from tests.openai_rig.process import serving


def refused(installation: Installation, *arguments: str) -> str:
    """Run a command that must fail politely; returns its sentence."""
    ended = installation.run(*arguments)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    sentences = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert len(sentences) == 1, ended.stderr
    return sentences[0]


def test_a_missing_file_is_named(installation: Installation) -> None:
    assert "nowhere.jsonl" in refused(installation, "land", "nowhere.jsonl")


def test_an_empty_file_is_named(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    assert "empty.jsonl" in refused(installation, "land", str(tmp_path / "empty.jsonl"))


def test_what_is_no_text_is_refused(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "noise.txt").write_bytes(bytes(range(256)) * 40)
    ended = installation.run("land", str(tmp_path / "noise.txt"))
    assert ended.returncode == 1
    assert "not_utf8" in ended.stderr


def test_no_key_names_both_ways_on(installation: Installation) -> None:
    sentence = refused(installation, "label")
    assert "OPENAI_API_KEY" in sentence
    assert "--labeller embedded" in sentence


def test_missing_key_is_told_before_reading_input(installation: Installation) -> None:
    """No key is said before the input is read."""
    assert "OPENAI_API_KEY" in refused(installation, "run", "--input", "nowhere.jsonl")


def test_missing_base_model_is_named(installation: Installation) -> None:
    """A base model that does not exist is named."""
    assert "/no/such/model" in refused(
        installation, "train", "--labeller", "embedded", "--base-model", "/no/such/model"
    )


def test_stage_without_input_names_the_one_to_run(installation: Installation) -> None:
    """A stage without its input names the stage to run."""
    assert "feedback land" in refused(installation, "train", "--labeller", "embedded", "--base-model", "embedded")


def test_an_evaluation_before_a_training_names_train(installation: Installation) -> None:
    assert "feedback train" in refused(installation, "evaluate")


def test_an_unknown_labeller_lists_the_known(installation: Installation) -> None:
    assert "'openai', 'embedded'" in refused(installation, "label", "--labeller", "oracle")


def test_an_endpoint_that_is_down_is_named(paid_installation: Installation, transcripts: Path) -> None:
    assert paid_installation.run("land", str(transcripts)).returncode == 0
    paid_installation.environment["FEEDBACK_OPENAI_BASE_URL"] = "http://127.0.0.1:9/v1"
    assert "127.0.0.1:9" in refused(paid_installation, "label")


def test_spent_quota_stops_and_keeps_what_was_paid(paid_installation: Installation, transcripts: Path) -> None:
    """A spent quota stops the run and keeps what was paid."""
    assert paid_installation.run("land", str(transcripts)).returncode == 0
    with serving(quota=50) as url:
        paid_installation.environment["FEEDBACK_OPENAI_BASE_URL"] = url
        assert "insufficient_quota" in refused(paid_installation, "label")
    assert paid_installation.count("SELECT count(*) FROM label") == 50


def test_nonsense_from_the_endpoint_can_be_asked_again(paid_installation: Installation, tmp_path: Path) -> None:
    """An endpoint that answers nonsense is told and can be asked again."""
    assert "feedback land" in refused(paid_installation, "label")
    (tmp_path / "one.txt").write_text("Thank you all for coming. " * 10)
    assert paid_installation.run("land", str(tmp_path / "one.txt")).returncode == 0
    with serving(nonsense_rate=1.0) as url:
        good, paid_installation.environment["FEEDBACK_OPENAI_BASE_URL"] = (
            paid_installation.environment["FEEDBACK_OPENAI_BASE_URL"],
            url,
        )
        assert "feedback label --again" in refused(paid_installation, "label")
    paid_installation.environment["FEEDBACK_OPENAI_BASE_URL"] = good
    assert paid_installation.run("label", "--again").returncode == 0
    assert paid_installation.count("SELECT count(*) FROM label") == 1


def test_absent_database_is_told_at_once(installation: Installation) -> None:
    """A database that is away is told at once."""
    installation.environment["FEEDBACK_DATABASE_URL"] = "postgresql+psycopg://someone@127.0.0.1:9/feedback"
    ended = installation.run("evaluate")
    assert ended.returncode == 1
    assert "start PostgreSQL, or correct FEEDBACK_DATABASE_URL" in ended.stderr
    assert "a retry" not in ended.stderr


def test_a_home_that_cannot_be_made_is_named(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    assert str(tmp_path / "home") in refused(installation, "results")


def test_a_database_that_is_no_database_is_named(installation: Installation) -> None:
    installation.home.mkdir()
    (installation.home / "feedback.db").write_text("certainly not SQLite, and longer than a header " * 10)
    assert "feedback.db" in refused(installation, "results")


def test_hostile_sql_is_refused(installation: Installation, transcripts: Path) -> None:
    assert installation.run("land", str(transcripts)).returncode == 0
    refused(installation, "results", "sql", "DELETE FROM transcript")
    assert installation.count("SELECT count(*) FROM transcript") == COUNT
