"""What a service stands in, so that it can be disturbed: a small disk, and a way that can be cut."""

import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from tests.chaos.network import way_to
from tests.chaos.rig import Rig

DISK_MEGABYTES = 600


@contextmanager
def small_disk(folder: Path) -> Generator[None]:
    """Put a disk that can be filled where `folder` is."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Leave no room; returns the file that takes it."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        try:
            while True:
                file.write(bytes(2**16))
                file.flush()
        except OSError:
            return ballast


def lead_astray(rig: Rig, stack: ExitStack) -> None:
    """Have the service go to its database by a way that can be cut."""
    assert rig.cluster is not None
    rig.way = stack.enter_context(way_to(rig.cluster.data.parent / ".s.PGSQL.5432"))
    detour = make_url(rig.url).set(host="127.0.0.1", port=rig.way.port, query={})
    rig.settings["FEEDBACK_DATABASE_URL"] = detour.render_as_string(hide_password=False)
