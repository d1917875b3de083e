"""Every deployment, a schedule, a cancellation and what a run leaves, as people meet them in the Prefect UI, in a real browser.

One service for all of it, in an order: at first nothing has landed.
"""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from feedback_model.demo.speech import write_demo_input
from feedback_model.settings import Settings
from feedback_model.store.connection import open_store
from feedback_model.store.readonly_sql import select_rows
from feedback_model.transcripts.landing import land
from tests.e2e.conftest import PATIENCE, Endpoint
from tests.e2e.prefect_ui import cancel_run, choose_run, come_in, open_deployment, open_run
from tests.local_service import HANGS, LocalService, eventually, feedback_up
from tests.openai_rig.process import serving

KEY = "sk-pl4nted-0123"
OVER = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
RETRAIN = "retrain/on-data-landed"
IN_ORDER = (
    "label/on-demand",
    "augment/on-demand",
    "preflight/gpu",
    "train/gpu",
    "infer/gpu",
    "evaluate/on-demand",
    "report/on-demand",
    "prove-augmentation/on-demand",
    "pipeline/on-demand",
    RETRAIN,
    "retrain/nightly",
    "land/watch-inbox",
    "housekeeping/weekly",
)
"""Every deployment; what one needs, those before it make."""
PAGES = {
    "results": "MSE penalised",
    "decision": "preregistered",
    "data-quality": "60 new transcripts in 1 landing",
    "cost": "labels of rewrites",
    "training-curve": "computes in",
}
"""What a retraining leaves beside its report, by key, with words on it."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with serving() as url:
        yield Endpoint(url)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, endpoint: Endpoint) -> Iterator[LocalService]:
    home = tmp_path_factory.mktemp("runs") / "home"
    options = ("--labeller", "embedded", "--base-model", "embedded", "--epochs", "1", "--set", "rank=4")
    paid = {"OPENAI_API_KEY": KEY, "FEEDBACK_OPENAI_BASE_URL": endpoint.url, "FEEDBACK_LABEL_MODEL": "gpt-4o-mini"}
    with feedback_up(home, *options, **paid) as running:
        watch = running.deployment("land/watch-inbox")  # tests start what they need, at any time
        running.call("PATCH", f"deployments/{watch['id']}/schedules/{watch['schedules'][0]['id']}", {"active": False})
        yield running


@pytest.fixture(scope="module")
def landed(service: LocalService) -> list[str]:
    """Transcripts that have landed without a word to anybody."""
    write_demo_input(service.home / "landed.jsonl", 60, 3)
    store = open_store(Settings(home=service.home).store_url)
    land(store, [str(service.home / "landed.jsonl")])
    texts = [row["text"] for row in select_rows(store, "SELECT text FROM transcript_texts")]
    store.close()
    return texts


@pytest.fixture(autouse=True)
def person(page: Page, service: LocalService) -> None:
    come_in(page, service)


def start(service: LocalService, name: str, **changes: Any) -> str:
    body = {"state": {"type": "SCHEDULED"}} | changes
    return service.call("POST", f"deployments/{service.deployment(name)['id']}/create_flow_run", body)["id"]


def start_by_clicks(page: Page, service: LocalService, name: str) -> str:
    before = {run["id"] for run in service.runs_of(name)}
    open_deployment(page, service, name)
    choose_run(page, "Quick run")
    return eventually(lambda: next((run["id"] for run in service.runs_of(name) if run["id"] not in before), None))


def ended(service: LocalService, run_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        run = service.call("GET", f"flow_runs/{run_id}")
        return run if run["state_type"] in OVER else None

    return eventually(look)


def log_of(service: LocalService, **wanted: Any) -> list[str]:
    """Lines of the logs, in their order: of some runs, or of all."""
    lines: list[dict[str, Any]] = []
    while True:
        page = {"logs": wanted, "sort": "TIMESTAMP_ASC", "limit": 200, "offset": len(lines)}
        if not (more := service.call("POST", "logs/filter", page)):
            return [line["message"] for line in lines]
        lines += more


def lines_of(service: LocalService, *run_ids: str) -> list[str]:
    return log_of(service, flow_run_id={"any_": list(run_ids)})


def newest_page(service: LocalService, key: str) -> dict[str, Any] | None:
    found = service.call("POST", "artifacts/filter", {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC"})
    return next(iter(found), None)


def open_page(page: Page, service: LocalService, key: str) -> None:
    found = eventually(lambda: newest_page(service, key))
    page.goto(f"{service.url}/v2/artifacts/artifact/{found['id']}")


def test_the_list_says_what_each_deployment_does(page: Page, service: LocalService) -> None:
    """In a row's tag, since six are called `on-demand`; each fits in its place."""
    said = [tag for one in service.call("POST", "deployments/filter", {}) for tag in one["tags"]]
    assert len(set(said)) == len(IN_ORDER)
    page.goto(f"{service.url}/v2/deployments?limit=25")
    for tag in said:
        expect(page.get_by_text(tag, exact=True).filter(visible=True)).to_be_visible(timeout=PATIENCE)


def test_on_nothing_each_ends_with_one_reason(service: LocalService) -> None:
    """It completes, or one sentence says what is to be done first; nobody is shown where in the code."""
    runs = {name: start(service, name) for name in IN_ORDER}
    states = {name: ended(service, run)["state"] for name, run in runs.items()}
    for name, state in states.items():
        sys.stdout.write(f"{name}: {state['type']} {state['message']}\n")
    assert {state["type"] for state in states.values()} == {"COMPLETED", "FAILED"}
    failed = [state["message"] for state in states.values() if state["type"] == "FAILED"]
    assert [message for message in failed if not re.search("run `feedback [a-z]+", message)] == []
    assert [line for line in lines_of(service, *runs.values()) if "Traceback" in line] == []


def is_paid(run: dict[str, Any]) -> bool:
    return run["parameters"].get("labeller") == "openai"


def test_base_that_is_not_there_costs_nothing(page: Page, service: LocalService, landed, endpoint: Endpoint) -> None:
    open_deployment(page, service, "pipeline/on-demand")
    choose_run(page, "Custom run")
    page.get_by_label("Labeller").click()
    page.get_by_role("option", name="openai").click()
    page.get_by_label("Base model").fill("/no/such/base")
    page.get_by_role("button", name="Submit").click()
    run = eventually(lambda: next((each for each in service.runs_of("pipeline/on-demand") if is_paid(each)), None))
    assert "/no/such/base" in ended(service, run["id"])["state"]["message"]
    open_run(page, service, run["id"])
    expect(page.get_by_text("Failed").first).to_be_visible(timeout=PATIENCE)
    assert endpoint.replies() == Counter()


@pytest.mark.parametrize("name", IN_ORDER)
def test_each_deployment_completes_by_clicks(page: Page, service: LocalService, landed, name: str) -> None:
    """With its defaults, in the order in which one needs another."""
    run_id = start_by_clicks(page, service, name)
    run = ended(service, run_id)
    sys.stdout.write(f"{name}: {run['total_run_time']:.0f} s, {run['state']['message']}\n")
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    open_run(page, service, run_id)
    expect(page.get_by_text("Completed").first).to_be_visible(timeout=PATIENCE)


def test_a_retraining_s_log_tells_its_story(service: LocalService, landed: list[str]) -> None:
    """Each stage has its line in the log of the run that was started; what was said in transcripts, and secrets, have none."""
    story = max((lines_of(service, run["id"]) for run in service.runs_of(RETRAIN)), key=len)
    sys.stdout.write("\n".join(story))
    for stage in (
        "new transcripts",
        "label",
        "rewrites kept",
        "dataset",
        "training run",
        "test, asked for free",
        "report",
    ):
        assert [line for line in story if stage in line], stage
    waits = [line for line in story if line.startswith("waiting for ")]  # of which a busy machine has more
    assert len(story) - len(waits) <= 15
    everything = "\n".join(log_of(service))
    announced = json.loads((service.home / "prefect" / "server.json").read_text())
    for unwanted in (KEY, service.token, announced["secret"], *(text[:40] for text in landed)):
        assert unwanted not in everything


def test_a_retraining_links_to_its_report(page: Page, service: LocalService, landed: list[str]) -> None:
    open_page(page, service, "why-retrained")
    page.get_by_role("link", name="The report").click()
    expect(page.get_by_text("Against base-nf4, before training")).to_be_visible(timeout=PATIENCE)
    for key, words in PAGES.items():
        open_page(page, service, key)
        expect(page.get_by_text(words).first).to_be_visible(timeout=PATIENCE)


def test_a_link_opens_the_form_filled_in(page: Page, service: LocalService, landed: list[str]) -> None:
    """Data that waits tells where it can be retrained on all the same, on the command line and in the run that did not."""
    rule = {"job_variables": {"env": {"FEEDBACK_RETRAIN_LEAST_NEW": "1000"}}}
    service.call("PATCH", f"deployments/{service.deployment(RETRAIN)['id']}", rule)
    write_demo_input(service.home / "more.jsonl", 70, 5)
    command = [sys.executable, "-m", "deployments.cli.app", "land", str(service.home / "more.jsonl")]
    said = subprocess.run(command, env=service.environment(), check=True, capture_output=True, text=True, timeout=HANGS)
    eventually(lambda: "wait until there are 1000" in str(newest_page(service, "why-not-retrained")))
    open_page(page, service, "why-not-retrained")
    link = page.get_by_role("link", name="Retrain at once")
    link.click()
    is_filled_in(page)
    told = next(line for line in said.stdout.splitlines() if line.startswith(service.url))
    page.goto(told)
    is_filled_in(page)
    page.evaluate("localStorage.clear()")
    page.goto(told)
    expect(page.get_by_text("Open the link that feedback up printed")).to_be_visible()
    come_in(page, service)
    page.goto(told)
    is_filled_in(page)


def is_filled_in(page: Page) -> None:
    expect(page.get_by_label("At once")).to_be_checked(timeout=PATIENCE)
    expect(page.get_by_label("Base model")).to_have_value("embedded")
    expect(page.get_by_label("Rank")).to_have_value("4")


def test_a_cancelled_training_frees_the_gpu(page: Page, service: LocalService, landed: list[str]) -> None:
    """A run that waits for the pool's one slot begins; how long both took is printed."""
    training = start(service, "train/gpu", parameters={"epochs": 500, "again": True})
    eventually(lambda: [line for line in lines_of(service, training) if line.startswith("train: ")])
    waiting = start(service, "preflight/gpu")
    began = time.monotonic()
    cancel_run(page, service, training)
    assert ended(service, training)["state_type"] == "CANCELLED"
    sys.stdout.write(f"cancelled {time.monotonic() - began:.1f} s after the first click")
    eventually(lambda: service.call("GET", f"flow_runs/{waiting}")["state_type"] not in {"SCHEDULED", "PENDING"})
    sys.stdout.write(f"; the next run began after {time.monotonic() - began:.1f} s\n")
    assert ended(service, waiting)["state_type"] == "COMPLETED"
