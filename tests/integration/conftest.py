"""A Prefect server for the tests of tasks, one for all of them."""

from collections.abc import Iterator

import pytest

from tests.prefect_api import PrefectApi, prefect_api_running


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectApi]:
    """A Prefect server whose API this process's flows report to."""
    with prefect_api_running(tmp_path_factory.mktemp("prefect")) as api:
        yield api
