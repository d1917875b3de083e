"""Group commit: one thread commits for many coroutines, and whatever arrives meanwhile shares the next commit.

A commit costs a disk flush; in the event loop it would hold up every request on its way. Writes of one kind that share a
commit are made by one call, because a database takes many rows in one statement much faster than one by one.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from sqlalchemy import Connection

from feedback_model.store.connection import Store

Item = TypeVar("Item")
Result = TypeVar("Result")
WriteMany = Callable[[Connection, Sequence[Item]], Sequence[Result]]
"""Writes items in one transaction and returns a result for each, in their order."""


class _Job(NamedTuple):
    write: Callable[[Connection, Sequence[Any]], Sequence[Any]]
    item: Any
    future: "asyncio.Future[Any] | None"


class Writer:
    """Commits what comes, soon; use it as a context, which ends when all is committed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=copy_context().run, args=(self._serve,), name="writer", daemon=True)
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._jobs.put(None)
        self._thread.join()
        if error is None and self._failure is not None:
            raise self._failure

    async def commit(self, write: WriteMany[Item, Result], item: Item) -> Result:
        """Commit `item` and return what `write` gave for it; it is committed even if the caller is cancelled meanwhile.

        Raises:
            StoreError: the commit failed, and with it all that shared it.
        """
        future = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(write, item, future))
        return await future

    def post(self, write: WriteMany[Item, Result], item: Item) -> None:
        """Like `commit`, for what nobody waits for; a failure shows when the context ends."""
        self._jobs.put(_Job(write, item, None))

    def _serve(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs, ended = self._gather(first)
            self._commit_together(jobs)
            if ended:
                return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        jobs = [first]
        while True:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, False
            if job is None:
                return jobs, True
            jobs.append(job)

    def _commit_together(self, jobs: list[_Job]) -> None:
        by_kind: dict[Any, list[_Job]] = {}
        for job in jobs:
            by_kind.setdefault(job.write, []).append(job)
        try:
            with self._store.write() as connection:
                done = [
                    (job, result)
                    for write, same in by_kind.items()
                    for job, result in zip(same, write(connection, [each.item for each in same]), strict=True)
                ]
        except BaseException as error:  # noqa: BLE001 - whoever waits for a write must hear of it
            self._failure = self._failure or error
            _tell([(job.future, error) for job in jobs])
            return
        _tell([(job.future, result) for job, result in done])


def _tell(results: list[tuple["asyncio.Future[Any] | None", Any]]) -> None:
    """Hand results to their futures, each loop woken once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for future, result in results:
        if future is not None:
            by_loop.setdefault(future.get_loop(), []).append((future, result))
    for loop, waiting in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, waiting)


def _resolve(waiting: list[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, result in waiting:
        if future.done():  # whoever waited was cancelled
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
