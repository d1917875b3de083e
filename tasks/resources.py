"""Settings and an open database for one task."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from prefect import get_run_logger

from feedback_model.errors import FeedbackError
from feedback_model.settings import Settings
from feedback_model.store.connection import Store, open_store
from feedback_model.store.owners import renounce
from feedback_model.waiting import is_listened_to, telling_waits


@contextmanager
def resources() -> Generator[tuple[Settings, Store]]:
    """Open the settings of this process and its database, closed when the block ends.

    Raises:
        StoreError: the database cannot be opened or brought to this version's schema.
    """
    settings = Settings()
    with logging_waits():
        store = open_store(settings.store_url)
        try:
            yield settings, store
        except FeedbackError as error:
            if error.temporary:  # the next attempt runs in this process, and would take what is held for work in hand
                renounce()
            raise
        finally:
            store.close()


def logging_waits() -> AbstractContextManager[None]:
    """Log each wait inside the block to the run, unless a command line shows it already."""
    if is_listened_to():
        return nullcontext()
    log = get_run_logger()
    return telling_waits(lambda wait: log.info("%s", wait))
