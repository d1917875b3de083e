"""What a service stands in, so that it can be disturbed: a small disk, a way that can be cut, a clock that can be moved."""

import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from tests.chaos.network import way_to
from tests.chaos.rig import Rig

DISK_MEGABYTES = 600
CLOCK = Path(__file__).with_name("clock.c")


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


def let_clock_be_moved(rig: Rig, _stack: ExitStack) -> None:
    """Have every process of the service read a wall clock that `move_clock` moves."""
    compiler = shutil.which("cc")
    assert compiler, "a clock that jumps needs a C compiler: install gcc"
    library = rig.home.parent / "clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, CLOCK, "-ldl"], check=True)
    move_clock(rig, 0)
    rig.settings |= {"LD_PRELOAD": str(library), "WALL_CLOCK_FILE": str(_moved_by(rig))}


def move_clock(rig: Rig, seconds: int) -> None:
    """Set the service's wall clock so many seconds after the true one."""
    with _moved_by(rig).open("r+b" if _moved_by(rig).exists() else "wb") as file:
        file.write(seconds.to_bytes(8, sys.byteorder, signed=True))


def _moved_by(rig: Rig) -> Path:
    return rig.home.parent / "clock"
