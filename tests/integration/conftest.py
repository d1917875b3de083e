"""A Prefect server for the tests of tasks, one for all of them."""

import gc
import warnings
from collections.abc import Iterator

import pytest

from tests.prefect_api import PrefectApi, prefect_api_running


@pytest.fixture(scope="session")
def _prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectApi]:
    with prefect_api_running(tmp_path_factory.mktemp("prefect")) as api:
        yield api


@pytest.fixture
def prefect_api(_prefect_server: PrefectApi) -> Iterator[PrefectApi]:
    """A Prefect server whose API this process's flows report to."""
    yield _prefect_server
    # Prefect leaves the sockets of its clients to the garbage collector, which may come in the midst of any later test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
