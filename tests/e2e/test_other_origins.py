"""No page that is open in a browser on this machine reaches its servers, whoever is let in there in the same browser."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page

from deployments.local.server import PrefectServer
from feedback_model.store.connection import open_store
from feedback_model.training.base_model import resolve_base
from tests.databases import sqlite_files
from tests.filled_store import fill
from tests.local_service import HANGS, LocalService, clean_environment, eventually
from tests.other_origin import try_all
from tests.ports import free_port
from tests.serving_rig import fill_models, serving

HARM = {"job_variables": {"command": "touch {}"}}
REFUSED = {"read": "refused", "write": "refused", "socket": "refused", "frame": "chrome-error://chromewebdata/"}


def link_of(service: LocalService) -> str:
    command = [sys.executable, "-m", "deployments.cli", "token"]
    return subprocess.check_output(command, env=service.environment(), text=True, timeout=HANGS).strip()


def come_in(page: Page, service: LocalService) -> None:
    page.goto(link_of(service))
    page.get_by_role("link", name="on-demand").first.wait_for()


def test_other_page_reaches_nothing_of_up(page: Page, service: LocalService, tmp_path: Path) -> None:
    come_in(page, service)
    deployment, before = service.deployment("report/on-demand")["id"], len(service.runs_of("report/on-demand"))
    body = json.dumps(HARM).replace("{}", str(tmp_path / "harm"))
    create = f"/api/deployments/{deployment}/create_flow_run"
    found = try_all(page, service.url, read="/api/version", write=create, body=body, socket="/api/events/out")
    assert REFUSED.items() <= found.items()
    assert len(service.runs_of("report/on-demand")) == before
    assert not (tmp_path / "harm").exists()
    assert service.errors_of_server() == []  # pages of others do not fill the log


def test_other_page_reaches_nothing_of_a_commands_server(page: Page, prefect: PrefectServer) -> None:
    url = prefect.api_url.removesuffix("/api")
    found = try_all(page, url, read="/api/version", write="/api/flows/", body='{"name": "x"}', socket="/api/events/out")
    assert REFUSED.items() <= found.items()


def test_other_page_reaches_nothing_of_serve(page: Page, tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path / 'feedback.db'}")) as store:
        base, _ = fill_models(store, resolve_base("embedded"))
    with serving(tmp_path, "--model", base.model_id, FEEDBACK_MAX_NEW_TOKENS="3") as served:
        page.goto(served.link)
        found = try_all(
            page, f"http://{served.address}", read="/v1/models", write="/v1/feedback", body='{"text": "A talk."}'
        )
        assert REFUSED.items() <= found.items()
        assert served.figure("feedback_batch_texts_count") == 0


def test_other_page_reaches_nothing_of_browse(page: Page, tmp_path: Path) -> None:
    sqlite_files().fill(f"sqlite:///{tmp_path / 'feedback.db'}", fill)
    port = free_port()
    command = [sys.executable, "-m", "deployments.cli", "results", "browse", "--port", str(port)]
    with subprocess.Popen(command, env=clean_environment(tmp_path), stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            link = server.stdout.readline().strip()
            page.goto(link)
            path = link.removeprefix(f"http://127.0.0.1:{port}")
            found = try_all(page, f"http://127.0.0.1:{port}", read=f"{path}feedback.json", write=path)
        finally:
            server.terminate()
    assert REFUSED.items() <= found.items()


@pytest.mark.parametrize("variable", [{"command": "true"}, {"working_dir": "/"}, {"env": {"PYTHONPATH": "/"}}])
def test_job_variables_that_decide_what_runs_are_refused(service: LocalService, variable: dict[str, object]) -> None:
    deployment = service.deployment("report/on-demand")["id"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        service.call("POST", f"deployments/{deployment}/create_flow_run", {"job_variables": variable})
    refused.value.close()
    assert refused.value.code == 422


def test_who_has_no_token_stays_out(service: LocalService) -> None:
    """Other users of the machine reach its loopback addresses, too."""
    for path in ("/api/flows/filter", "/api/deployments/filter", "/api/admin/version"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(service.url + path), timeout=HANGS)
        refused.value.close()
        assert refused.value.code == 401
    others = ["server.json", "token"]
    assert all((service.home / "prefect" / name).stat().st_mode & 0o077 == 0 for name in others)


def test_new_token_replaces_the_old_while_running(page: Page, service: LocalService) -> None:
    """Who came in by the old one is asked again; commands and workers go on."""
    come_in(page, service)
    old = service.token
    command = [sys.executable, "-m", "deployments.cli", "token", "--new"]
    subprocess.run(command, env=service.environment(), check=True, timeout=HANGS, capture_output=True)
    assert service.token != old
    page.reload()
    page.get_by_label("Password").or_(page.get_by_placeholder("admin:pass")).first.wait_for()
    come_in(page, service)
    run = service.call("POST", f"deployments/{service.deployment('report/on-demand')['id']}/create_flow_run", {})
    over = {"COMPLETED", "FAILED"}  # there is nothing to report yet
    eventually(lambda: service.call("GET", f"flow_runs/{run['id']}")["state_type"] in over)
