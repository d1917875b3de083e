"""Tasks as the Prefect server sees them: what is tried again, and how far long work has come."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from prefect import flow

from feedback_model.errors import ConfigurationError
from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from tasks import progress
from tasks.labelling import label_what_is_missing
from tests.databases import Cluster, postgres_programs, running_cluster
from tests.labelling_rig import bill, count_rows, filled_store, totals_of, until
from tests.local_service import HANGS, eventually
from tests.openai_rig.process import serving
from tests.ports import free_port
from tests.prefect_api import PrefectApi

# Prefect leaves the sockets of its clients to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
COUNT = 24
SOON = label_what_is_missing.with_options(retries=300, retry_delay_seconds=0.2)  # as long as a busy machine takes


def labels(store: Store) -> int:
    return count_rows(store)["label"]


@pytest.fixture
def labelling(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Store]:
    """Fills a store and points the settings of this process at it and at an endpoint."""

    def prepare(url: str, **changes: Any) -> Store:
        wanted = {"home": settings.home, "openai_base_url": url, "label_model": "embedded-rubric-3"}
        for name, value in (wanted | {"relabel_share": 0.0, "label_concurrency": 4} | changes).items():
            monkeypatch.setenv(f"FEEDBACK_{name.upper()}", str(value))
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        return filled_store(Settings(_env_file=None), COUNT)

    return prepare


def a_flow(name: str, work: Callable[[], Awaitable[Any]]) -> Any:
    @flow(name=name)
    async def labelling() -> Any:
        return await work()

    return labelling


async def is_waiting_to_retry(api: PrefectApi, flow_name: str) -> None:
    def looked() -> bool:
        return any(run["state_name"] == "AwaitingRetry" for run in api.task_runs(flow_name))

    await asyncio.to_thread(eventually, looked)


async def test_an_endpoint_that_comes_back_is_waited_for(prefect_api: PrefectApi, labelling) -> None:
    port = free_port()
    store = labelling(f"http://127.0.0.1:{port}/v1")
    run = asyncio.create_task(a_flow("endpoint away", lambda: SOON("openai"))())
    await is_waiting_to_retry(prefect_api, "endpoint away")
    with serving(port=port):
        counts = await run
    assert counts.labelled == labels(store) == COUNT


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A PostgreSQL that this test alone may stop."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl were not found: install the package postgresql")
    with running_cluster(programs) as cluster:
        yield cluster


async def test_a_database_that_comes_back_is_waited_for(
    prefect_api: PrefectApi, labelling, own_cluster: Cluster
) -> None:
    database_url = own_cluster.new_url()
    own_cluster.fill(database_url)
    with serving(delay=0.3) as url:
        store = labelling(url, database_url=database_url, store_completions=True)
        run = asyncio.create_task(a_flow("database away", lambda: SOON("openai"))())
        await until(lambda: labels(store) > 0)
        await asyncio.to_thread(own_cluster.stop)
        await is_waiting_to_retry(prefect_api, "database away")
        await asyncio.to_thread(own_cluster.start)
        await run
        assert labels(store) == COUNT
        assert set(bill(url).values()) == {1}


async def test_a_refused_key_is_tried_once(prefect_api: PrefectApi, labelling) -> None:
    with serving(key="another") as url:
        labelling(url)
        with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
            await a_flow("refused key", lambda: SOON("openai"))()
        assert totals_of(url)["rejected"] == 1


async def test_a_long_labelling_is_seen_to_move(prefect_api: PrefectApi, labelling, monkeypatch) -> None:
    monkeypatch.setattr(progress, "LAST_WORD_SECONDS", HANGS)
    with serving(delay=0.5) as url:
        labelling(url, label_concurrency=2)
        await a_flow("long labelling", lambda: SOON("openai"))()
    (run,) = eventually(lambda: prefect_api.task_runs("long labelling"))
    (artifact,) = prefect_api.artifacts("label-progress", run["id"])
    assert artifact["data"] == 100.0
    assert artifact["description"].startswith(f"label: {COUNT} of {COUNT} (100%)")
    lines = eventually(lambda: [each for each in prefect_api.log_lines(run["id"]) if each.startswith("label: ")])
    assert len(lines) >= 4
    assert all(" left, " in line and " USD" in line for line in lines[1:-1])
