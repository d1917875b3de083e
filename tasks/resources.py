"""Settings and an open database for one task, in a process that still executes its flow run."""

import os
import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import copy_context
from typing import Final

from prefect import get_run_logger
from prefect.exceptions import Abort

from feedback_model.errors import FeedbackError, Interrupted, StoreError, Superseded
from feedback_model.progress import request_stop
from feedback_model.settings import Settings
from feedback_model.store.connection import Store, open_store
from feedback_model.store.flow_runs import begin_attempt
from feedback_model.store.owners import renounce
from feedback_model.waiting import is_listened_to, telling_waits

LOOK_SECONDS: Final = 5.0  # between looks whether another process has taken the run over


@contextmanager
def resources() -> Generator[tuple[Settings, Store]]:
    """Open the settings of this process and its database, closed when the block ends.

    Where a worker started this process, the database is written for as long as no other process took its flow run over.

    Raises:
        StoreError: the database cannot be opened or brought to this version's schema.
        Abort: another process executes the flow run now. Prefect then ends this process and says nothing of it to the server,
            which would take it for the end of the other.
    """
    settings = Settings()
    with logging_waits():
        store = open_store(settings.store_url)
        try:
            with _executing(store) as fenced:
                yield settings, fenced
        except FeedbackError as error:
            if error.temporary:  # the next attempt runs in this process, and would take what is held for work in hand
                renounce()
            raise
        finally:
            store.close()


@contextmanager
def _executing(store: Store) -> Generator[Store]:
    """Execute the flow run that a worker started this process for, until another process takes it over."""
    flow_run_id = os.environ.get("PREFECT__FLOW_RUN_ID")
    if flow_run_id is None:
        yield store
        return
    try:
        fence = begin_attempt(store, flow_run_id)
        with _stopping_when_superseded(store, flow_run_id):
            yield store.fenced(fence)
    except Superseded as superseded:
        raise Abort(str(superseded)) from superseded


@contextmanager
def _stopping_when_superseded(store: Store, flow_run_id: str) -> Generator[None]:
    """Ask the work of the block to stop at its next step once another process has taken the run over.

    Raises:
        Superseded: that is why it stopped.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            with suppress(StoreError):  # a database that is away decides nothing
                begin_attempt(store, flow_run_id)

    def watch_and_stop() -> None:
        with suppress(Superseded):
            watch()
        if not ended.is_set():
            request_stop()

    watcher = threading.Thread(target=copy_context().run, args=(watch_and_stop,), name="flow run", daemon=True)
    watcher.start()
    try:
        yield
    except Interrupted:
        with suppress(StoreError):
            begin_attempt(store, flow_run_id)
        raise
    finally:
        ended.set()
        watcher.join()


def logging_waits() -> AbstractContextManager[None]:
    """Log each wait inside the block to the run, unless a command line shows it already."""
    if is_listened_to():
        return nullcontext()
    log = get_run_logger()
    return telling_waits(lambda wait: log.info("%s", wait))
