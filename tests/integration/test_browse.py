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

from feedback_model.errors import InputError, StoreError
from feedback_model.store.readonly_sql import browsable_file
from tests.databases import sqlite_files
from tests.filled_store import fill
from tests.local_service import HANGS, clean_environment
from tests.ports import free_port


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home, port = tmp_path_factory.mktemp("browse"), free_port()
    sqlite_files().fill(f"sqlite:///{home / 'feedback.db'}", fill)
    command = [sys.executable, "-m", "deployments.cli.app", "results", "browse", "--port", str(port)]
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=clean_environment(home), text=True, **quiet) as server:
        assert server.stdout is not None
        link = server.stdout.readline().strip()
        yield f"{link}feedback"
        server.terminate()


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


def status_of(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=HANGS) as reply:
            return reply.status
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def test_only_the_link_opens_it(page: str) -> None:
    """Not another path, nor a name that somebody made to point here, nor a page of another origin."""
    root = page.rsplit("/", 2)[0]
    assert status_of(f"{page}.json") == 200
    assert status_of(f"{root}/feedback.json") == 403
    assert status_of(f"{root}/") == 403
    assert status_of(f"{page}.json", Host="rebound.example:8001") == 403
    assert status_of(f"{page}.json", Origin="http://127.0.0.1:9") == 403
    assert status_of(f"{page}.json", **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}) == 403


def test_links_of_the_pages_lead_on(page: str) -> None:
    with urllib.request.urlopen(page, timeout=HANGS) as reply:
        text, headers = reply.read().decode(), reply.headers
    prefix = "/" + page.split("/")[3] + "/"
    assert f'href="{prefix}feedback/evaluation_summary"' in text
    assert (headers["X-Frame-Options"], headers["Referrer-Policy"]) == ("DENY", "same-origin")


def test_what_cannot_be_browsed_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Datasette reads SQLite"):
        browsable_file("postgresql+psycopg://localhost/feedback")
    with pytest.raises(StoreError, match="there is no database"):
        browsable_file(f"sqlite:///{tmp_path / 'none.db'}")
