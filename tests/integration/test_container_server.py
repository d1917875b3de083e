"""A Prefect server as it runs in a container: bound to an address, guarded, without background services."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.containers.health import problem_of
from deployments.local.server import server_database
from tests.local_service import authorization, clean_environment, eventually
from tests.ports import free_port

SECRET = "feedback:a-secret-of-this-test"


@pytest.fixture(scope="module")
def api_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home, port = tmp_path_factory.mktemp("container"), free_port()
    told = {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_API_AUTH_STRING": SECRET,
        "PREFECT_API_DATABASE_CONNECTION_URL": server_database(home / "prefect.db"),
        "PREFECT_UI_STATIC_DIRECTORY": str(home / "ui"),
    }
    command = [sys.executable, "-m", "deployments.local.prefect_server", "--bind", f"127.0.0.1:{port}", "--web-only"]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env=clean_environment(home) | told, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/api"
    try:
        eventually(lambda: not problem_of([f"{url}/health"], "") or server.poll() is not None)
        assert server.poll() is None, (home / "log").read_text()
        yield url
    finally:
        server.terminate()
        server.wait()
    assert "Traceback" not in (home / "log").read_text()


def status_of(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as reply:
            return reply.status
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code


def test_only_its_secret_lets_in(api_url: str) -> None:
    assert status_of(f"{api_url}/admin/version") == 401
    assert status_of(f"{api_url}/admin/version", Authorization=authorization(SECRET)) == 200


def test_unknown_names_are_refused(api_url: str) -> None:
    assert status_of(f"{api_url}/health", Host="somebody.example") == 403


def test_a_pool_without_a_worker_is_unwell(api_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", SECRET)
    assert problem_of(["cpu"], api_url) == "no worker of the pool cpu is online"


@pytest.mark.parametrize(
    "arguments", [[], ["--bind", "4200"], ["--bind", "0.0.0.0:http"], ["3", "--bind", "0.0.0.0:1"]]
)
def test_where_to_listen_is_said_once(arguments: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deployments.local.prefect_server", *arguments]
    done = subprocess.run(command, env=os.environ | {"FEEDBACK_HOME": str(tmp_path)}, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_worker_of_an_unknown_pool_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deployments.local.workers", "tpu"]
    done = subprocess.run(command, env=clean_environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "there is no work pool 'tpu'; name cpu or gpu\n"
