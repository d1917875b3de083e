"""Settings are bounded, listed from their definitions, and refused in one sentence."""

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from deployments.cli.options import load_settings
from feedback_model.errors import ConfigurationError
from feedback_model.inference.infer import BATCH_SIZE, STAND_IN_BATCH_SIZE
from feedback_model.settings import Settings, describe_settings


def test_every_setting_is_named_and_explained():
    url = "postgresql+psycopg://me:secret@host/feedback"
    settings = Settings(_env_file=None, OPENAI_API_KEY="secret", database_url=url)
    listed = {setting.name: setting for setting in describe_settings(settings)}
    assert all(setting.meaning for setting in listed.values())
    assert listed["FEEDBACK_LABEL_CONCURRENCY"].allowed == "at least 1, at most 4096"
    assert "secret" not in repr(listed)


def test_defaults_by_base_model_are_told():
    fields = Settings.model_fields
    assert f"({BATCH_SIZE}; embedded: {STAND_IN_BATCH_SIZE})" in fields["inference_batch_size"].description


@pytest.mark.parametrize("name", ["REQUEST_TIMEOUT", "LABEL_CONCURRENCY", "LABEL_MAX_TOKENS", "MAX_NEW_TOKENS"])
def test_a_wrong_setting_is_refused_by_name(name, monkeypatch):
    monkeypatch.setenv(f"FEEDBACK_{name}", "-1")
    with pytest.raises(ConfigurationError, match=rf"the setting FEEDBACK_{name} is wrong: .*\(found '-1'\)"):
        load_settings()


def test_doctor_lists_the_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("FEEDBACK_HOME", str(tmp_path))
    monkeypatch.setenv("FEEDBACK_REQUEST_TIMEOUT", "7")
    listed = CliRunner().invoke(app, ["doctor", "--settings", "--json"]).stdout
    assert '"FEEDBACK_REQUEST_TIMEOUT",\n    "value": "7.0"' in listed


@pytest.mark.parametrize(
    ("text", "size"), [("6GiB", 6 * 1024**3), ("1.5g", 1.5 * 1024**3), ("512 MB", 512 * 1024**2), ("7", 7), ("", 0)]
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert Settings(_env_file=None, memory=text).memory_bytes == size


def test_a_size_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("FEEDBACK_MEMORY", "six")
    with pytest.raises(ConfigurationError, match=r"FEEDBACK_MEMORY is wrong: .*such as 6GiB"):
        load_settings()


def test_the_endpoint_of_openai_s_tools_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else transcripts would go to OpenAI where a person's other tools go elsewhere."""
    monkeypatch.delenv("FEEDBACK_OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    assert Settings(_env_file=None).openai_base_url == "http://127.0.0.1:8000/v1"
    assert Settings(_env_file=None, openai_base_url="http://host/v1").openai_base_url == "http://host/v1"


@pytest.mark.parametrize("text", ["-1/0/0", "nan/0/0", "0.15/0.60", "cheap", "inf/1/1", "1/1/10001", "0.1/0.1/0.1/0.1"])
def test_a_price_that_is_none_is_refused(text, monkeypatch):
    monkeypatch.setenv("FEEDBACK_LABEL_PRICE", text)
    with pytest.raises(
        ConfigurationError, match=r"FEEDBACK_LABEL_PRICE is wrong: .*such as 0\.15/0\.075/0\.60, each from 0"
    ):
        load_settings()


def test_a_price_of_nothing_is_one():
    assert Settings(_env_file=None, label_price=" 0/0/0 ").label_prices == (0.0, 0.0, 0.0)
    assert Settings(_env_file=None).label_prices is None
