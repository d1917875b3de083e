"""Chunks of pieces to ask about together: growing ones, and of a stream no more than has arrived."""

from collections.abc import Iterator
from itertools import islice
from queue import Empty, Queue
from threading import Thread
from typing import Final, TypeVar

from feedback_model.progress import check_stop

Each = TypeVar("Each")
LOOK_SECONDS: Final = 0.2
"""Between two looks for a request to stop while nothing arrives."""


def growing_chunks(found: Iterator[Each], at_most: int) -> Iterator[list[Each]]:
    """Yield chunks of 1, 2, 4, ... and then `at_most`, so that the first answers are there soon; the same at every call."""
    size = 1
    while chunk := list(islice(found, size)):
        yield chunk
        size = min(at_most, 2 * size)


def arriving_chunks(found: Iterator[Each], at_most: int) -> Iterator[list[Each]]:
    """Yield what has arrived since the last chunk, so that whoever sends and waits for the answer gets it; 1, 2, 4, ... at most.

    Raises:
        Interrupted: a stop was requested while nothing arrived.
    """
    arrived: Queue[Each | _End] = Queue(at_most)
    Thread(target=_send, args=(found, arrived), daemon=True).start()  # it may wait for ever for a sender
    size = 1
    while chunk := _take(arrived, size):
        yield chunk
        size = min(at_most, 2 * size)


class _End:
    """What follows the last piece, with the error that ended them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


def _send(found: Iterator[Each], arrived: "Queue[Each | _End]") -> None:
    end = _End()
    try:
        for each in found:
            arrived.put(each)
    except Exception as error:  # noqa: BLE001 - it is raised again where it is waited for
        end = _End(error)
    arrived.put(end)


def _take(arrived: "Queue[Each | _End]", at_most: int) -> list[Each]:
    chunk: list[Each] = []
    each = _wait(arrived)
    while not isinstance(each, _End):
        chunk.append(each)
        if len(chunk) == at_most or arrived.empty():
            return chunk
        each = arrived.get()
    if each.error is not None and not chunk:
        raise each.error
    arrived.put(each)  # for the next call
    return chunk


def _wait(arrived: "Queue[Each | _End]") -> "Each | _End":
    while True:
        check_stop()
        try:
            return arrived.get(timeout=LOOK_SECONDS)
        except Empty:
            continue
