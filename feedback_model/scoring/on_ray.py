"""Answers of a Ray cluster: a process with the model on every core or GPU, and rows in the order of the chunks.

Ray places chunks, keeps processes for the next one, and gives another process what a lost process or node had at work. Kept here
are the order and how much is under way; what is read and what is written stays with the command, as without Ray.
"""

import os
import secrets
import signal
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import Any, Final

from feedback_model.errors import ConfigurationError
from feedback_model.progress import check_stop
from feedback_model.scoring.answer import Chunk
from feedback_model.scoring.model import AnsweringModel, Engine
from feedback_model.scoring.rows import Row

UNDER_WAY: Final = 3
"""Chunks for each process that are handed out at once: while the first is late, the others need not wait for its rows."""
TRIES_MORE: Final = 3
"""For a chunk whose process or node was lost: a text that ends every process which reads it must not go on for ever."""
OBJECT_BYTES: Final = 256 * 1024**2
"""Room for chunks and rows on their way in a cluster of this machine; Ray would take a third of its memory."""
KNOCK_SECONDS: Final = 10.0
"""Until a cluster that does not answer counts as away."""
LOOK_SECONDS: Final = 0.2
"""Between two looks for a request to stop."""


def ray_engine(tell: Callable[[str], None]) -> Engine:
    """Return the engine; a cluster is reached when the first rows are asked for.

    Args:
        tell: hears which cluster answers.

    Raises:
        ConfigurationError: Ray is not installed.
    """
    address = os.environ.get("RAY_ADDRESS", "")
    os.environ.update(_environment(address))
    try:
        ray = import_module("ray")  # by name: it is no part of what is always installed
    except ImportError as error:
        raise ConfigurationError(
            "--engine ray needs Ray, which is not installed: run `make ray`, or `pip install 'feedback-model[ray]'`; "
            "--engine process needs nothing more"
        ) from error
    return partial(_answer, ray, address, tell)


def _environment(address: str) -> dict[str, str]:
    """Return what Ray reads from the environment, some of it when it is imported."""
    told = {"RAY_USAGE_STATS_ENABLED": "0"}  # nobody else hears of what runs here
    if not address:
        # Whoever reaches a cluster runs code as its user, and other users of a machine reach its own addresses, too.
        told |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        told |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # a cluster on loopback alone, whatever the system
    return told


def _answer(
    ray: Any, address: str, tell: Callable[[str], None], model: AnsweringModel, chunks: Iterable[Chunk]
) -> Iterator[list[Row]]:
    """Yield the rows of each chunk, in their order.

    Raises:
        ConfigurationError: the cluster cannot be used.
        ModelError: the model cannot be loaded or run.
        Interrupted: a stop was requested.
    """
    under_way: deque[Any] = deque()
    with _connected(ray, address, tell) as unit:
        task = ray.remote(**{f"num_{unit.lower()}s": 1}, max_calls=0, max_retries=TRIES_MORE)(_answer_there)
        asked, known = replace(model, tell=_say_nothing), _count(ray, unit)
        for chunk in chunks:
            under_way.append(task.remote(asked, chunk))
            if (count := _count(ray, unit)) != known:
                tell(f"the Ray cluster has {count} {unit} now; it had {known}")
                known = count
            while under_way and (_is_there(ray, under_way[0]) or len(under_way) >= UNDER_WAY * known):
                yield _rows(ray, under_way.popleft())
        while under_way:
            yield _rows(ray, under_way.popleft())


@contextmanager
def _connected(ray: Any, address: str, tell: Callable[[str], None]) -> Generator[str]:
    """Reach the cluster, or start one for the block; yields what each process of it takes, `CPU` or `GPU`."""
    with TemporaryDirectory(prefix="feedback-ray-", ignore_cleanup_errors=True) as folder:
        try:
            _reach(ray, address, folder)
            unit = "GPU" if _count(ray, "GPU") else "CPU"
            where = f"the Ray cluster at {address}" if address else "Ray on this machine"
            tell(f"{where} answers, in a process for each {unit}: {_count(ray, unit)}")
            yield unit
        finally:
            ray.shutdown()


def _reach(ray: Any, address: str, folder: str) -> None:
    own = {
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": f"{folder}/ray",  # Ray opens its folder to everyone; the one around it stays this user's
        "include_dashboard": False,
        "object_store_memory": OBJECT_BYTES,
    }
    on_terminate = signal.getsignal(signal.SIGTERM)
    try:
        _knock(address)
        ray.init(address or "local", **({} if address else own), log_to_driver=False, logging_level="error")
    except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(_why_unreachable(address, error)) from error
    finally:
        signal.signal(signal.SIGTERM, on_terminate)  # Ray puts its own there, which keeps nothing
        ray._private.worker._worker_logs_enabled = False  # it would print what it lost among the rows


def _knock(address: str) -> None:
    """Raise an `OSError` where nobody listens at `HOST:PORT`, which Ray would find out in minutes."""
    host, _, port = address.rpartition(":")
    if host and "://" not in address:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_SECONDS).close()


def _why_unreachable(address: str, error: Exception) -> str:
    first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    if not address:
        return f"Ray could not start on this machine: {first}; --engine process needs no Ray"
    return f"the Ray cluster at {address} (RAY_ADDRESS) cannot be reached: {first}; start it, or unset RAY_ADDRESS"


def _count(ray: Any, unit: str) -> int:
    """Count what the cluster has at present."""
    return int(ray.cluster_resources().get(unit, 0))


def _is_there(ray: Any, promise: Any, seconds: float = 0) -> bool:
    return bool(ray.wait([promise], timeout=seconds)[0])


def _rows(ray: Any, promise: Any) -> list[Row]:
    """Wait for the rows of a chunk."""
    while not _is_there(ray, promise, LOOK_SECONDS):
        check_stop()
    try:
        return ray.get(promise)
    except ray.exceptions.RayTaskError as error:
        raise (error.cause if isinstance(error.cause, Exception) else error) from error
    except ray.exceptions.RayError as error:
        raise ConfigurationError(
            f"Ray lost a batch of transcripts {TRIES_MORE + 1} times ({type(error).__name__}), as when memory is short; what "
            "was answered is kept with --out, and --engine process goes on from there"
        ) from error


_models: Final[dict[str, AnsweringModel]] = {}
"""Of a process of the cluster, by the way of asking: loaded once."""


def _answer_there(model: AnsweringModel, chunk: Chunk) -> list[Row]:
    """Answer a chunk in a process of the cluster."""
    return _models.setdefault(model.way_of_asking.inference_id, model).answer(chunk)


def _say_nothing(_sentence: str) -> None:
    """Leave out that the model is loaded, which each process does."""
