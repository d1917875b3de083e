"""One thread that commits for many coroutines: what arrives while it commits shares the next commit.

A commit costs a disk flush; in the event loop it would hold up every request on its way. Knows nothing of what is
written.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection

from feedback_model.store.connection import Store

T = TypeVar("T")
Job = tuple[Callable[[Connection], Any], "Future[Any]"]


class Writer:
    """Runs writes in the order they come; use it as a context, which ends when all are committed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="ledger writer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._jobs.put(None)
        self._thread.join()

    async def commit(self, write: Callable[[Connection], T]) -> T:
        """What `write` returned, once it is committed; it is committed even if the caller is cancelled meanwhile.

        Raises:
            StoreError: the commit failed, and with it all that shared it.
        """
        future: Future[T] = Future()
        self._jobs.put((write, future))
        return await asyncio.shield(asyncio.wrap_future(future))

    def _serve(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs, ended = self._gather(first)
            self._commit_together(jobs)
            if ended:
                return

    def _gather(self, first: Job) -> tuple[list[Job], bool]:
        jobs = [first]
        while True:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, False
            if job is None:
                return jobs, True
            jobs.append(job)

    def _commit_together(self, jobs: list[Job]) -> None:
        try:
            with self._store.write() as connection:
                results = [write(connection) for write, _ in jobs]
        except BaseException as error:  # noqa: BLE001 - whoever waits for a write must hear of it
            for _, future in jobs:
                future.set_exception(error)
            return
        for (_, future), result in zip(jobs, results, strict=True):
            future.set_result(result)
