"""A flow run is executed by one process at a time: the latest to begin it writes, and whoever was at it before stops."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import insert, select

from feedback_model.errors import Superseded
from feedback_model.settings import Settings
from feedback_model.store.batches import claim_batches, release_batches, unclaimed_batches
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.flow_runs import begin_attempt
from feedback_model.store.owners import process_owner
from feedback_model.store.tables import flow_run_attempt, lease
from feedback_model.store.transcripts import BatchCounts, close_batch
from tests.owners import owner_that_ended
from tests.prefect_api import PrefectApi
from tests.superseded_run import take_over

RUN = "11111111-2222-3333-4444-555555555555"


def attempts(store: Store) -> list[tuple[int, bool]]:
    columns = select(flow_run_attempt.c.attempt, flow_run_attempt.c.superseded_at).order_by(flow_run_attempt.c.attempt)
    with store.read() as connection:
        return [(row.attempt, row.superseded_at is not None) for row in connection.execute(columns)]


def write_a_lease(store: Store) -> None:
    with store.write() as connection:
        connection.execute(insert(lease), {"name": "mine", "owner": "me", "expires_at": 1.0})


def test_latest_process_alone_writes(any_store: Store, any_store_url: str) -> None:
    fenced = any_store.fenced(begin_attempt(any_store, RUN))
    write_a_lease(fenced)
    take_over(any_store_url, RUN)
    with pytest.raises(Superseded, match="took the flow run"):
        write_a_lease(fenced)
    with pytest.raises(Superseded):
        begin_attempt(any_store, RUN)
    assert attempts(any_store) == [(1, True), (2, False)]


def test_one_process_begins_a_run_once(any_store: Store) -> None:
    assert begin_attempt(any_store, RUN) == begin_attempt(any_store, RUN)
    assert attempts(any_store) == [(1, False)]


def test_batches_pass_to_the_later_attempt(any_store: Store) -> None:
    """What an attempt claimed is the next one's at once, whether its process has ended or lives where nobody sees it."""
    close_batch(any_store, "b1", "tests", ids=[], counts=BatchCounts(1, 0, 0, 0), rejects=[])
    for attempt, earlier in enumerate((owner_that_ended(), "elsewhere:7:boot/1/2/x"), start=1):
        row = {"flow_run_id": f"{RUN}-{attempt}", "attempt": 1, "owner": earlier, "began_at": now()}
        with any_store.write() as connection:
            connection.execute(insert(flow_run_attempt), row)
        claim_batches(any_store, earlier)
        begin_attempt(any_store, f"{RUN}-{attempt}")
        assert unclaimed_batches(any_store, process_owner()) == ("b1",)
        assert unclaimed_batches(any_store) == ()
        assert claim_batches(any_store, process_owner()) == ("b1",)
        release_batches(any_store, ["b1"])


def test_superseded_process_releases_nothing(any_store: Store) -> None:
    close_batch(any_store, "b1", "tests", ids=[], counts=BatchCounts(1, 0, 0, 0), rejects=[])
    claim_batches(any_store, "elsewhere:7:boot/1/2/x")
    release_batches(any_store, ["b1"])
    assert unclaimed_batches(any_store) == ()


@pytest.mark.parametrize("is_at_work", [True, False], ids=["at work", "between two tasks"])
def test_superseded_run_stops_without_a_state(
    settings: Settings, store: Store, prefect_api: PrefectApi, is_at_work: bool
) -> None:
    """The older process ends by itself, and tells the server nothing that would be taken for the end of the newer one."""
    client = {"PREFECT_API_URL": prefect_api.url, "PREFECT_API_AUTH_STRING": prefect_api.secret}
    ours = {"PREFECT__FLOW_RUN_ID": RUN, "FEEDBACK_HOME": str(settings.home)} | client
    program = [sys.executable, "-m", "tests.superseded_run", "work" * is_at_work]
    ended = subprocess.run(program, check=False, env=os.environ | ours, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert f"another process took the flow run {RUN} over, so this one stops here" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert attempts(store) == [(1, True), (2, False)]
    run = prefect_api.call("POST", "flow_runs/filter", {"flows": {"name": {"any_": ["superseded"]}}})[-1]
    assert run["state_type"] == "RUNNING"
