"""`feedback-container ROLE`: what an image starts. It reads the secrets, and becomes the process of one part of the service.

Whatever is no role is a command of `feedback`: `feedback-container results`. Imports little: a server's health is asked for every
few seconds.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from tempfile import gettempdir
from typing import TYPE_CHECKING, Final, NoReturn

from deployments.containers.health import health
from deployments.containers.secrets import with_secrets
from deployments.local.environment import LIBRARIES, prefect_defaults
from feedback_model.errors import FeedbackError
from feedback_model.network import network_environment

if TYPE_CHECKING:
    from feedback_model.settings import Settings

SERVER_PORT: Final = 4200
_SCRATCH: Final = f"{gettempdir()}/prefect"
"""On a file system of the container's own, which is gone with it."""


def _server(settings: "Settings", arguments: Sequence[str]) -> list[str]:
    from deployments.local.server import person_token

    # Our guard rather than `prefect server start --no-services`: names and origins are checked, a person comes in by a token that
    # can be made anew, and /health and /metrics tell of the service. `server` is what the other containers call it.
    names = [word for name in ("server", *settings.serve_host_names) for word in ("--name", name)]
    where = os.environ.get("FEEDBACK_SERVER_BIND") or f"0.0.0.0:{SERVER_PORT}"
    told = ["--bind", where, "--web-only", "--token-file", str(person_token(settings)), *names]
    return [*_module("deployments.local.prefect_server"), *told, *arguments]


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]


def _running(*command: str) -> Callable[["Settings", Sequence[str]], list[str]]:
    return lambda _settings, arguments: [*command, *arguments]


ROLES: Final[Mapping[str, Callable[["Settings", Sequence[str]], list[str]]]] = {
    "migrate": _running(*_module("deployments.containers.migrate")),
    "server": _server,
    "services": _running(*_module("deployments.containers.services")),
    "bootstrap": _running(*_module("deployments.containers.bootstrap")),
    "worker": _running(*_module("deployments.local.workers")),
    "land": _running(*_module("deployments.containers.landing")),
    "link": _running(*_module("deployments.containers.link")),
}


def environment(settings: "Settings", given: Mapping[str, str]) -> dict[str, str]:
    """Return what the process is told; what the container was told goes before what we choose."""
    from deployments.local.server import quiet_environment

    defaults = {
        # The pages are written where they are served from, and a container's own files are not to be written.
        "PREFECT_UI_STATIC_DIRECTORY": f"{_SCRATCH}-ui",
        "PREFECT_UI_API_URL": "/api",  # under whichever name a person came
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{SERVER_PORT}",
        **LIBRARIES,
        **prefect_defaults(settings),
    }
    # Not in the home folder, where a file of a container that is gone would name a process of another one.
    ours = quiet_environment(settings) | {"PREFECT_HOME": _SCRATCH}
    told = defaults | ours | dict(given)
    return told | network_environment(told)


def _prepare(role: str, arguments: Sequence[str], told: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    from deployments.cli.options import load_settings

    for name in set(os.environ) - set(told):
        del os.environ[name]
    os.environ.update(told)
    settings = load_settings(only_reads=True)  # which closes what is written to other users
    command = ROLES[role](settings, arguments) if role in ROLES else [*_module("deployments.cli"), role, *arguments]
    return command, environment(settings, told)


def main() -> NoReturn:
    """Become the process that the arguments name."""
    role, *arguments = sys.argv[1:] or ["--help"]
    try:
        told = with_secrets(os.environ)
        if role == "health":
            os.environ.update(told)
            sys.exit(health(arguments))
        command, told = _prepare(role, arguments, told)
    except FeedbackError as error:
        sys.exit(str(error))
    os.execvpe(command[0], command, told)  # noqa: S606 - the container has one process, and signals reach it


if __name__ == "__main__":
    main()
