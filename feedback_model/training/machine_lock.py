"""A machine's one place for training: two at once would each plan with memory that the other is about to take.

The lock is the operating system's, so it ends with its holder, however that ends.
"""

import fcntl
import logging
import os
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from feedback_model.model_cache import cache_folder
from feedback_model.progress import check_stop
from feedback_model.waiting import Waiting, describe_process

POLL: Final = 0.5
"""Seconds between looks at a lock that another process holds."""
_log = logging.getLogger(__name__)


@contextmanager
def sole_training(device: str, cache: Path | None = None) -> Generator[None]:
    """Be the only training of this user on `device` during the block, waiting while another one is.

    Args:
        device: `cpu` or `cuda`; of GPUs all are taken that this process sees.

    Raises:
        Interrupted: a stop was requested while waiting.
    """
    with ExitStack() as held:
        for place in _places(device):
            _hold((cache or cache_folder()) / f"training-{place}.lock", held)
        yield


def _places(device: str) -> list[str]:
    """Name what is trained on, in an order that all processes share, so that no two wait for each other."""
    if device != "cuda":
        return [device]
    import torch

    # What a process calls its first GPU depends on which ones it sees.
    gpus = range(torch.cuda.device_count())
    return sorted(f"cuda-{torch.cuda.get_device_properties(gpu).uuid}" for gpu in gpus) or [device]


def _hold(file: Path, held: ExitStack) -> None:
    opened = _open(file)
    if opened is None:
        return
    held.enter_context(opened)
    _wait_for(opened)
    opened.truncate(0)
    opened.write(str(os.getpid()))
    opened.flush()


def _open(file: Path) -> IO[str] | None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("a+", encoding="utf-8")
    except OSError as error:
        _log.warning("no other training is kept away, since %s cannot be written: %s", file, error.strerror)
        return None


def _wait_for(opened: IO[str]) -> None:
    def whom() -> str:
        opened.seek(0)
        pid = opened.read()
        return describe_process(int(pid)) if pid.isdigit() else ""

    waiting = Waiting("another training on this machine", "end it, or stop this one with Ctrl-C", whom)
    while not _take(opened):
        waiting.look()
        check_stop()
        time.sleep(POLL)


def _take(opened: IO[str]) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
