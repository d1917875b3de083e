"""Settings and an open database for one task."""

from collections.abc import Generator
from contextlib import contextmanager

from feedback_model.settings import Settings
from feedback_model.store.connection import Store, open_store


@contextmanager
def resources() -> Generator[tuple[Settings, Store]]:
    """The settings of this process and its database, closed when the block ends.

    Raises:
        StoreError: the database cannot be opened or brought to this version's schema.
    """
    settings = Settings()
    store = open_store(settings.store_url)
    try:
        yield settings, store
    finally:
        store.close()
