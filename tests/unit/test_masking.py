"""Passwords and keys are hidden where secrets stand and wherever known ones do; everything else is left as it is."""

import io
import logging

import pytest

from feedback_model.errors import StoreError
from feedback_model.masking import mask, secrets_of
from feedback_model.settings import Settings

PLANTED = "pl4nted"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"postgres://me:{PLANTED}@host/db is away", "postgres://me:***@host/db is away"),
        (f"postgres://me:{PLANTED}@/:x@host/db", "postgres://me:***@host/db"),
        (
            f"postgresql+psycopg://host/db?user=me&password={PLANTED}",
            "postgresql+psycopg://host/db?user=me&password=***",
        ),
        (f"at https://{PLANTED}@host/v1:", "at https://***@host/v1:"),
        (f"at https://me:{PLANTED}@host:8080/v1?api-version=2", "at https://***@host:8080/v1?api-version=2"),
        (f"https://host/v1?api_key={PLANTED}&x=1", "https://host/v1?api_key=***&x=1"),
        (f"host=h password={PLANTED} dbname=d", "host=h password=*** dbname=d"),
        (f"{{'Authorization': 'Bearer {PLANTED}abc'}}", "{'Authorization': 'Bearer ***'}"),
        (f'{{"api_key": "{PLANTED}"}}', '{"api_key": "***"}'),
        (f"Incorrect API key provided: sk-proj-{PLANTED}.", "Incorrect API key provided: ***."),
    ],
)
def test_secrets_are_hidden_by_their_place(said: str, shown: str) -> None:
    assert mask(said) == shown
    assert mask(shown) == shown


@pytest.mark.parametrize(
    "said",
    [
        "postgresql+psycopg://postgres@/db?host=%2Ftmp",
        "http://127.0.0.1:4200/api and mail to me@host",
        "the endpoint refuses key, model or path (invalid_api_key): max_tokens=900",
        "Basic authentication is needed; set OPENAI_API_KEY",
        "sqlite:////home/me@work/feedback.db?mode=ro",
        "http://host:8000/models/a@b",
    ],
)
def test_what_is_no_secret_is_shown(said: str) -> None:
    assert mask(said) == said


def test_secrets_of_settings_are_hidden_anywhere() -> None:
    url = "postgres://me:odd%40pass@host/db"
    Settings(_env_file=None, OPENAI_API_KEY="plain-words-only", database_url=url)
    told = str(StoreError("the server says: plain-words-only, odd@pass and odd%40pass are wrong"))
    assert told == "the server says: ***, *** and *** are wrong"


def test_password_named_like_its_user_stays_readable() -> None:
    assert secrets_of("postgres://feedback:feedback@db/feedback") == set()


def test_settings_show_no_secret_of_theirs() -> None:
    urls = {"database_url": f"postgres://me:{PLANTED}@host/db", "openai_base_url": f"https://{PLANTED}@host/v1"}
    assert PLANTED not in repr(Settings(_env_file=None, OPENAI_API_KEY=PLANTED, **urls))


def test_logs_and_tracebacks_hide_known_secrets() -> None:
    Settings(_env_file=None, OPENAI_API_KEY="plain-words-only")
    written = io.StringIO()
    handler, log = logging.StreamHandler(written), logging.getLogger("some.library")
    log.addHandler(handler)
    try:
        raise ValueError("plain-words-only in a library's error")
    except ValueError:
        log.exception("sent %s to %s", "plain-words-only", "there")
    log.removeHandler(handler)
    assert written.getvalue().startswith("sent *** to there\nTraceback")
    assert "ValueError: *** in a library's error" in written.getvalue()
