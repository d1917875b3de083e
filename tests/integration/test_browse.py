"""Datasette shows the views and changes nothing."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from deployments.local.server import free_port
from feedback_model.errors import InputError, StoreError
from feedback_model.store.readonly_sql import datasette_command
from tests.databases import sqlite_files
from tests.filled_store import fill
from tests.local_service import HANGS, clean_environment, eventually


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home, port = tmp_path_factory.mktemp("browse"), free_port()
    sqlite_files().fill(f"sqlite:///{home / 'feedback.db'}", fill)
    command = [sys.executable, "-m", "deployments.cli.app", "results", "browse", "--port", str(port)]
    with subprocess.Popen(command, env=clean_environment(home), stderr=subprocess.DEVNULL) as server:
        url = f"http://127.0.0.1:{port}/feedback"
        eventually(lambda: answers(f"{url}.json"))
        yield url
        server.terminate()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=HANGS) as reply:
            return reply.status == 200
    except urllib.error.URLError:
        return False


def test_view_is_a_page_and_json(page: str) -> None:
    """A view is a page and its rows are json."""
    with urllib.request.urlopen(f"{page}/evaluation_summary.json?_shape=objects", timeout=HANGS) as reply:
        rows = json.load(reply)["rows"]
    assert {row["model"] for row in rows} == {"base", "epoch-2"}


def test_what_would_write_is_refused(page: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{page}.json?sql={quote('DELETE FROM label')}", timeout=HANGS)
    refused.value.close()
    assert refused.value.code == 400


def test_what_cannot_be_browsed_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Datasette reads SQLite"):
        datasette_command("postgresql+psycopg://localhost/feedback", 8001)
    with pytest.raises(StoreError, match="there is no database"):
        datasette_command(f"sqlite:///{tmp_path / 'none.db'}", 8001)
