"""Secrets planted in the URLs of database, endpoint and notifications and in the key are in nothing that commands write."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from deployments.local.server import temporary_server
from feedback_model.demo.speech import write_demo_input
from feedback_model.settings import Settings
from feedback_model.store.connection import open_store
from tests.database_dumps import postgres_lines
from tests.e2e.conftest import Installation
from tests.evaluated_run import evaluate_filled
from tests.openai_rig.process import serving

PLANTED = ("pl4nted-database", "pl4nted-key-0123", "pl4nted-user", "pl4nted-query", "pl4nted-channel")
DATABASE, KEY, USER, QUERY, CHANNEL = PLANTED


def with_password(url: str) -> str:
    return url.replace("postgresql+psycopg://postgres@", f"postgres://postgres:{DATABASE}@")


def with_tokens(url: str) -> str:
    return f"{url.replace('://', f'://me:{USER}@')}?token={QUERY}"


def test_no_secret_is_in_anything_written(tmp_path: Path, new_postgres_database: Callable[[], str]) -> None:
    home, written = tmp_path / "home", list[str]()
    labelled, evaluated = new_postgres_database(), new_postgres_database()
    with closing(open_store(evaluated)) as store:
        evaluate_filled(store)
    write_demo_input(tmp_path / "new.jsonl", 20, 3)
    server = temporary_server(Settings(home=home, _env_file=None))
    with server as prefect, serving() as good, serving(key="another") as refusing, serving(quota=3) as poor:
        secrets = {
            "FEEDBACK_DATABASE_URL": with_password(labelled),
            "FEEDBACK_OPENAI_BASE_URL": with_tokens(good),
            "FEEDBACK_NOTIFY_URL": f"slack://T0KEN-A/T0KEN-B/{CHANNEL}",
            "OPENAI_API_KEY": KEY,
        }
        ours = {**prefect.environment(), "FEEDBACK_LABEL_MODEL": "embedded-rubric-3", "FEEDBACK_TRACEBACK": ""}

        def run(*arguments: str, succeeds: bool = True, **environment: str) -> None:
            ended = Installation(home, ours | secrets | environment).run(*arguments)
            written.append(ended.stdout + ended.stderr)
            assert (ended.returncode == 0) == succeeds, ended.stdout + ended.stderr

        run("land", str(tmp_path / "new.jsonl"))
        run("label", "--limit", "5")
        run("report", FEEDBACK_DATABASE_URL=with_password(evaluated))
        run("results", "sql", "SELECT * FROM labelling_attempts")
        run("doctor", "--settings", "--json")
        run("label", succeeds=False, FEEDBACK_OPENAI_BASE_URL=f"{refusing}?token={QUERY}")
        run(
            "label",
            succeeds=False,
            FEEDBACK_OPENAI_BASE_URL=with_tokens("http://127.0.0.1:9/v1"),
            FEEDBACK_TRACEBACK="1",
        )
        run("label", succeeds=False, FEEDBACK_OPENAI_BASE_URL=with_tokens(poor))  # which fails within the flow
        run("status", "--json", succeeds=False)  # since a run failed
        run("label", succeeds=False, FEEDBACK_DATABASE_URL=f"postgres://me:{DATABASE}@127.0.0.1:9/db")
        run("label", succeeds=False, FEEDBACK_DATABASE_URL=f"mysql://me:{DATABASE}@127.0.0.1:9/db")
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {"latest.html", "temporary.db", "server.log"} <= {path.name for path in files}
    written += [path.read_bytes().decode("utf-8", "replace") for path in files]
    written += [*postgres_lines(labelled), *postgres_lines(evaluated)]
    shown = [text[text.index(secret) :][:300] for secret in PLANTED for text in written if secret in text]
    assert shown == []
