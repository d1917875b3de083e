"""A network that only this process and the hosts that it makes see, in network namespaces of Linux."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

ADDRESS: Final = "10.77.0.1"
"""Of this process, where the services are."""
_BRIDGE: Final = "feedback0"
_INSIDE: Final = "FEEDBACK_OWN_NETWORK"
_PROGRAMS: Final = ("ip", "unshare", "hostname", "taskset")


def missing() -> str:
    """Say why there can be no such network here; empty where there can."""
    if absent := [name for name in _PROGRAMS if shutil.which(name) is None]:
        return f"{', '.join(absent)} not found: install iproute2 and util-linux"
    if os.geteuid() != 0:
        return "network namespaces want root"
    made = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return "this system makes no network namespaces" if made.returncode else ""


def move_into_own_network() -> None:
    """Begin this program anew in a network of its own, unless it is in one."""
    if os.environ.pop(_INSIDE, None) is None:
        os.environ[_INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", "--", sys.executable, *sys.orig_argv[1:]])


@dataclass(frozen=True)
class Host:
    """A host, which sees the services through one cable."""

    name: str
    core: int
    """Of the processor; all that it runs stays on it."""

    def command(self, *words: str) -> list[str]:
        """Return the command that runs `words` on it."""
        become = f'hostname {self.name} && exec taskset -c {self.core} "$@"'
        apart = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
        return ["ip", "netns", "exec", _namespace(self.name), *apart, "sh", "-c", become, "host", *words]

    def vanish(self) -> None:
        """Pull the cable: nothing arrives any more, and nothing is refused."""
        _run("ip", "link", "set", _cable(self.name), "nomaster")

    def come_back(self) -> None:
        """Plug it in again."""
        _run("ip", "link", "set", _cable(self.name), "master", _BRIDGE)


@contextmanager
def network(names: dict[str, int]) -> Generator[list[Host]]:
    """Connect hosts of these names, each on a core, with this process; none of them is left at the end."""
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", _BRIDGE, "type", "bridge")
    _run("ip", "address", "add", f"{ADDRESS}/24", "dev", _BRIDGE)
    _run("ip", "link", "set", _BRIDGE, "up")
    try:
        for number, name in enumerate(names, 1):
            _connect(name, f"10.77.0.{10 + number}/24")
        yield [Host(name, core) for name, core in names.items()]
    finally:
        for leftover in (*(("link", "delete", _cable(name)) for name in names), ("link", "delete", _BRIDGE)):
            subprocess.run(["ip", *leftover], check=False, stderr=subprocess.DEVNULL)
        for name in names:
            subprocess.run(["ip", "netns", "delete", _namespace(name)], check=False, stderr=subprocess.DEVNULL)


def _connect(name: str, address: str) -> None:
    _run("ip", "netns", "add", _namespace(name))
    _run("ip", "link", "add", _cable(name), "type", "veth", "peer", "name", "eth0", "netns", _namespace(name))
    _run("ip", "link", "set", _cable(name), "master", _BRIDGE, "up")
    for words in (
        ("address", "add", address, "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("link", "set", "lo", "up"),
    ):
        _run("ip", "-netns", _namespace(name), *words)


def _namespace(name: str) -> str:
    return f"feedback-{name}-{os.getpid()}"  # names are the machine's, and another test may have a host of that name


def _cable(name: str) -> str:
    return f"to-{name}"[:15]  # as long as Linux lets it be


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
