"""What a person does in the Prefect UI, by clicks."""

from playwright.sync_api import Page

from tests.local_service import LocalService


def come_in(page: Page, service: LocalService) -> None:
    """As a person does: by the link that `feedback up` prints."""
    page.goto(f"{service.url}/enter#{service.token}")
    page.get_by_role("link", name="on-demand").first.wait_for()


def open_deployment(page: Page, service: LocalService, name: str) -> None:
    page.goto(f"{service.url}/v2/deployments/deployment/{service.deployment(name)['id']}")
    page.get_by_role("button", name="Run", exact=True).wait_for()


def choose_run(page: Page, kind: str) -> None:
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=kind).click()


def open_run(page: Page, service: LocalService, run_id: str) -> None:
    page.goto(f"{service.url}/v2/runs/flow-run/{run_id}")
    page.get_by_role("button", name="Open menu").wait_for()


def cancel_run(page: Page, service: LocalService, run_id: str) -> None:
    open_run(page, service, run_id)
    page.get_by_role("button", name="Open menu").click()
    page.get_by_role("menuitem", name="Cancel").click()
    page.get_by_role("button", name="Cancel Flow Run").click()
