"""A server is taken for that of `feedback up` while `up` lives: afterwards its port may be anybody's, as another user's."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.local.server import PrefectServer, announce, announced_server, announcement, listening, running_server
from feedback_model.errors import ConfigurationError
from feedback_model.serving.token_file import read_token
from feedback_model.settings import Settings

SERVER = PrefectServer("http://127.0.0.1:4200/api", "feedback:secret")
ANNOUNCE = """
from deployments.local.server import announce, PrefectServer
from feedback_model.settings import Settings
announce(Settings(), PrefectServer("http://127.0.0.1:4200/api", "feedback:secret"))
"""


def test_server_is_found_while_its_process_lives(settings: Settings) -> None:
    (settings.home / "prefect").mkdir(parents=True)
    announce(settings, SERVER)
    assert announced_server(settings) == SERVER


def test_server_of_a_dead_process_is_not_believed(settings: Settings) -> None:
    """Whoever answers there gets neither a secret nor a question."""
    (settings.home / "prefect").mkdir(parents=True)
    environment = os.environ | {"FEEDBACK_HOME": str(settings.home)}
    subprocess.run([sys.executable, "-c", ANNOUNCE], env=environment, check=True)
    assert announcement(settings).exists()
    assert announced_server(settings) is None
    assert running_server(settings) is None


def test_server_of_another_host_is_not_believed(settings: Settings) -> None:
    (settings.home / "prefect").mkdir(parents=True)
    announce(settings, SERVER)
    said = json.loads(announcement(settings).read_text())
    host, process, life = said["owner"].rsplit(":", 2)
    announcement(settings).write_text(json.dumps(said | {"owner": f"{host}:{process}:elsewhere/{life}"}))
    assert announced_server(settings) is None


def test_port_is_held_under_both_names_of_localhost() -> None:
    with listening(0) as listener, socket.socket(socket.AF_INET6) as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(("::1", listener.getsockname()[1]))
        with pytest.raises(ConnectionRefusedError):  # so that a browser goes on to 127.0.0.1
            socket.create_connection(("::1", listener.getsockname()[1]))


def test_port_that_another_has_on_ipv6_is_refused() -> None:
    with socket.socket(socket.AF_INET6) as other:
        other.bind(("::1", 0))
        with pytest.raises(ConfigurationError, match="choose another"), listening(other.getsockname()[1]):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_token_of_another_user_lets_nobody_in(tmp_path: Path) -> None:
    file = tmp_path / "token"
    read_token(file)
    os.chown(file, 65_534, -1)
    with pytest.raises(ConfigurationError, match="another user's"):
        read_token(file)
