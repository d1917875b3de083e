"""`feedback up` for real: one server, its workers, and what people and events ask of them."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from feedback_model.demo.speech import write_demo_input
from tests.local_service import HANGS, LocalService, bootstrap_again, clean_environment, eventually
from tests.unit.test_deployments import CONTRACT


def feedback(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deployments.cli.app", *arguments]
    return subprocess.run(
        command, env=clean_environment(home), capture_output=True, text=True, timeout=HANGS, check=False
    )


def test_every_deployment_has_workers_online(service):
    """Every deployment is there and its workers are online."""
    deployed = service.call("POST", "deployments/filter", {})
    flows = {flow["id"]: flow["name"] for flow in service.call("POST", "flows/filter", {})}
    assert {f"{flows[one['flow_id']]}/{one['name']}" for one in deployed} >= CONTRACT
    for pool in ("cpu", "gpu"):
        eventually(lambda pool=pool: service.call("GET", f"work_pools/{pool}")["status"] == "READY")


def test_options_of_up_become_defaults_of_runs(service):
    """The options of up are the defaults of the runs."""
    assert service.deployment("retrain/on-data-landed")["parameters"] == {
        "labeller": "embedded",
        "base_model": "embedded",
        "epochs": 1,
        "rank": 4,
    }
    assert service.deployment("label/on-demand")["parameters"] == {"labeller": "embedded"}


def test_a_bad_parameter_is_refused_before_anything_starts(service):
    train = service.deployment("train/gpu")
    assert train["enforce_parameter_schema"]
    assert train["parameter_openapi_schema"]["properties"]["epochs"]["maximum"] == 1_000
    assert "checkpoint" in train["parameter_openapi_schema"]["properties"]["epochs"]["description"]


@pytest.mark.parametrize("wrong", [{"rank": 0}, {"learning_rate": "fast"}, {"precision": "float8"}])
def test_the_form_refuses_a_wrong_recipe(service, wrong):
    train = service.deployment("train/gpu")
    with pytest.raises(HTTPError, match="409"):
        service.call("POST", f"deployments/{train['id']}/create_flow_run", {"parameters": wrong})
    assert service.runs_of("train/gpu") == []


def test_the_server_s_log_has_no_error(service):
    assert service.errors_of_server() == []


def test_health_and_figures_are_served(service):
    """Health to everybody on this machine, figures to who has the token; `status` reads the same."""
    for pool in ("cpu", "gpu"):
        eventually(lambda pool=pool: service.call("GET", f"work_pools/{pool}")["status"] == "READY")
    eventually(lambda: health(service) == 200)  # which is looked at every few seconds
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{service.url}/metrics")
    asked = Request(f"{service.url}/metrics", headers={"Authorization": f"Bearer {service.token}"})
    families = {family.name: family for family in text_string_to_metric_families(urlopen(asked).read().decode())}
    assert {sample.value for sample in families["feedback_workers_online"].samples} == {1}
    told = json.loads(feedback(service.home, "status", "--json").stdout)
    assert told["figures"]["store"]["size_bytes"] > 0
    assert {part["name"]: part["state"] for part in told["parts"]}["workers"] == "ok"


def health(service: LocalService) -> int:
    try:
        return urlopen(f"{service.url}/health").status
    except HTTPError as refusal:
        return refusal.code


def test_second_up_names_the_first(service):
    """A second up on the same home says where the first is."""
    second = feedback(service.home, "up", "--port", "1")
    assert second.returncode == 1
    assert f"(process {service.pid}, {service.url})" in " ".join(second.stderr.split())


def test_a_port_in_use_is_one_sentence(service, tmp_path):
    refused = feedback(tmp_path / "other", "up", "--port", service.url.rsplit(":", 1)[1])
    assert refused.returncode == 1
    assert "choose another with --port" in refused.stderr


def test_deploying_again_keeps_what_people_changed(service):
    nightly, watch = service.deployment("retrain/nightly"), service.deployment("land/watch-inbox")
    cron = {"schedule": {"cron": "7 7 * * *", "timezone": "UTC"}, "active": True}
    service.call("POST", f"deployments/{nightly['id']}/schedules", [cron])
    service.call("PATCH", f"deployments/{nightly['id']}/schedules/{nightly['schedules'][0]['id']}", {"active": False})
    mine = {
        "parameters": {"epochs": 7},
        "concurrency_limit": 2,
        "tags": ["mine"],
        "paused": True,
        "description": "mine",
    }
    service.call("PATCH", f"deployments/{nightly['id']}", mine)
    service.call("DELETE", f"deployments/{watch['id']}/schedules/{watch['schedules'][0]['id']}")
    service.call("PATCH", "work_pools/gpu", {"concurrency_limit": 3})
    silent = next(one for one in service.call("POST", "automations/filter", {}) if "fell silent" in one["name"])
    service.call("PATCH", f"automations/{silent['id']}", {"enabled": False})
    before = everything(service)
    bootstrap_again(service)
    assert everything(service) == before


def everything(service: LocalService) -> dict:
    """What people can change, without what changes by itself."""
    moving = {"updated", "last_polled", "status", "work_queue_id", "global_concurrency_limit", "active_slots"}

    def still(records: list[dict]) -> list[dict]:
        plain = [{name: value for name, value in record.items() if name not in moving} for record in records]
        return sorted(plain, key=lambda record: record["id"])

    return {
        "deployments": still(service.call("POST", "deployments/filter", {})),
        "pools": still(service.call("POST", "work_pools/filter", {})),
        "automations": still(service.call("POST", "automations/filter", {})),
    }


def test_landed_data_is_retrained_on_completely(service, tmp_path):
    """Landed data wakes a retraining that completes and leaves nothing to do."""
    write_demo_input(tmp_path / "landed.jsonl", 60, 3)
    assert feedback(service.home, "land", str(tmp_path / "landed.jsonl")).returncode == 0
    eventually(lambda: any(run["state_type"] == "RUNNING" for run in service.runs_of("retrain/on-data-landed")))
    run = service.finished_run("retrain/on-data-landed")
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    assert service.finished_run("train/gpu")["state_type"] == "COMPLETED"  # the coordinator did not train itself
    assert service.finished_run("infer/gpu")["state_type"] == "COMPLETED"
    results = json.loads(feedback(service.home, "results", "--json").stdout)
    assert "epoch-1" in json.dumps(results)
    recipe = feedback(service.home, "results", "sql", "SELECT epochs, rank, batch_size FROM recipes", "--json").stdout
    assert json.loads(recipe) == [{"epochs": 1, "rank": 4, "batch_size": 8}]
    assert (service.home / "reports" / "latest.html").exists()


def test_workers_that_die_are_started_again(service):
    workers_of(service).kill()
    eventually(lambda: "the workers ended" in " ".join(service.output.read_text().split()))
    eventually(lambda: workers_of(service))


def workers_of(service: LocalService) -> psutil.Process | None:
    """The process that asks what is to be done."""
    children = psutil.Process(service.pid).children(recursive=True)
    return next((child for child in children if child.cmdline()[1:3] == ["-m", "deployments.local.workers"]), None)
