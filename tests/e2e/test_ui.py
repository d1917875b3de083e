"""What people do in the Prefect UI, done in a real browser."""

import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PATIENCE
from tests.e2e.prefect_ui import choose_run, come_in, open_deployment
from tests.local_service import LocalService, bootstrap_again


@pytest.fixture(autouse=True)
def person(page: Page, service: LocalService) -> None:
    come_in(page, service)


def test_quick_run_labels_what_has_landed(page, service):
    """A click on quick run labels what has landed."""
    page.goto(f"{service.url}/v2/deployments")
    page.get_by_role("link", name="on-demand").first.wait_for()
    open_deployment(page, service, "label/on-demand")
    choose_run(page, "Quick run")
    run = service.finished_run("label/on-demand")
    assert run["state_type"] == "COMPLETED"
    page.reload()
    expect(page.get_by_text("Completed").first).to_be_visible(timeout=PATIENCE)


def test_the_custom_run_form_explains_offers_and_refuses(page, service):
    open_deployment(page, service, "train/gpu")
    choose_run(page, "Custom run")
    expect(page.get_by_text("Passes over the train split")).to_be_visible(timeout=PATIENCE)
    page.get_by_label("Precision").click()
    for choice in ("float16", "bfloat16", "float32"):
        expect(page.get_by_role("option", name=choice, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    epochs = page.get_by_label("Epochs")
    epochs.fill("0")
    page.get_by_role("button", name="Submit").click()
    assert "greater than or equal to 1" in epochs.evaluate("field => field.validationMessage")
    assert service.runs_of("train/gpu") == []


def test_custom_run_takes_what_was_filled_in(page, service):
    """A custom run runs with what was filled in."""
    label = [sys.executable, "-m", "deployments.cli.app", "label", "--labeller", "embedded"]
    subprocess.run(label, env=service.environment(), check=True, capture_output=True)  # whichever test comes first
    open_deployment(page, service, "augment/on-demand")
    choose_run(page, "Custom run")
    page.get_by_label("Augmentation share").fill("0.5")
    page.get_by_role("button", name="Submit").click()
    run = service.finished_run("augment/on-demand")
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    assert run["parameters"] == {"labeller": "embedded", "share": 0.5, "seed": 0}


@pytest.mark.parametrize("name", ["report/on-demand", "retrain/nightly"])
def test_schedule_with_untouched_form_overrides_no_parameter(page, service, name):
    """A schedule added with the untouched form overrides no parameter."""
    open_deployment(page, service, name)
    page.get_by_role("button", name="Schedule", exact=True).click()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("dialog").wait_for(state="hidden")
    assert [one["parameters"] for one in service.deployment(name)["schedules"] if one["slug"] is None] == [{}]


def test_a_paused_schedule_stays_so_through_redeployment(page, service):
    """A schedule added by clicks fires, is paused by a click, and a redeployment does not wake it."""
    open_deployment(page, service, "housekeeping/weekly")
    page.get_by_role("button", name="Schedule", exact=True).click()
    page.get_by_label("Value").fill("30")
    page.get_by_role("combobox", name="Interval").click()
    page.get_by_role("option", name="Seconds").click()
    page.get_by_role("button", name="Save").click()
    run = service.finished_run("housekeeping/weekly")
    assert (run["auto_scheduled"], run["state_type"]) == (True, "COMPLETED")
    page.reload()
    expect(page.get_by_text("Completed").first).to_be_visible(timeout=PATIENCE)
    every = page.get_by_role("switch", name="toggle Every 30 seconds")
    every.click()
    expect(every).not_to_be_checked(timeout=PATIENCE)
    bootstrap_again(service)
    page.reload()
    expect(every).not_to_be_checked(timeout=PATIENCE)
    expect(page.get_by_role("switch", name="toggle At 04:00 AM, only on Sunday")).to_be_checked()
