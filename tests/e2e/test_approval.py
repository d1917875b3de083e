"""A retraining that waits for a person: asked and answered in the Prefect UI, in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from feedback_model.demo.speech import write_demo_input
from feedback_model.settings import Settings
from feedback_model.store.connection import open_store
from feedback_model.store.readonly_sql import select_rows
from feedback_model.transcripts.landing import land
from tests.local_service import LocalService, eventually, feedback_up

RETRAIN = "retrain/on-data-landed"


@pytest.fixture
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """A service in which a person is asked."""
    home = tmp_path_factory.mktemp("asking") / "home"
    options = ("--labeller", "embedded", "--base-model", "embedded", "--epochs", "1", "--set", "rank=4")
    with feedback_up(home, *options, FEEDBACK_RETRAIN_APPROVAL="true") as running:
        yield running


def land_more(service: LocalService, count: int) -> None:
    """Land demo transcripts, and wake the retraining as the event does."""
    path = service.home / "more.jsonl"
    write_demo_input(path, count, 5)
    store = open_store(Settings(home=service.home).store_url)
    land(store, [str(path)])
    store.close()
    service.call("POST", f"deployments/{service.deployment(RETRAIN)['id']}/create_flow_run", {})


def suspended(service: LocalService) -> list[dict[str, Any]]:
    return [run for run in service.runs_of(RETRAIN) if run["state_name"] == "Suspended"]


def ended(service: LocalService, run_id: str) -> str | None:
    state = service.call("GET", f"flow_runs/{run_id}")["state_type"]
    return state if state in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None


def decided(service: LocalService) -> list[tuple[str, str]]:
    store = open_store(Settings(home=service.home).store_url)
    rows = select_rows(store, "SELECT verdict, reason FROM retraining_decisions ORDER BY decision_number")
    store.close()
    return [(row["verdict"], row["reason"]) for row in rows]


def answer(page: Page, service: LocalService, run: dict[str, Any], *, retrain: bool) -> None:
    page.goto(f"{service.url}/enter#{service.token}")
    page.get_by_role("link", name="on-demand").first.wait_for()
    page.goto(f"{service.url}/v2/runs/flow-run/{run['id']}")
    page.get_by_role("button", name="Open menu").click()
    page.get_by_role("menuitem", name="Resume").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("new transcripts in")).to_be_visible()
    if retrain:
        dialog.get_by_role("switch").click()
    dialog.get_by_label("Note").fill("after the release")
    dialog.get_by_role("button", name="Resume").click()
    dialog.wait_for(state="hidden")


def test_nothing_is_trained_before_a_person_says_so(page: Page, asking: LocalService) -> None:
    """A no waits for more; a yes retrains once on all of it; a landing while the question stands asks nobody again."""
    land_more(asking, 60)
    (run,) = eventually(lambda: suspended(asking))
    answer(page, asking, run, retrain=False)
    eventually(lambda: decided(asking)[-1:] == [("wait", "declined")])
    land_more(asking, 90)
    (run,) = eventually(lambda: suspended(asking))
    answer(page, asking, run, retrain=True)
    assert eventually(lambda: ended(asking, run["id"])) == "COMPLETED"
    assert decided(asking) == [
        ("wait", "unapproved"),
        ("wait", "declined"),
        ("wait", "unapproved"),
        ("retrain", "approved"),
    ]
