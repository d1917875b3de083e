"""prefect.yaml says what is there, and the automations say what they mean."""

import importlib
import inspect

import pytest
from prefect.flows import Flow

from deployments.automations import RESUMABLE, safety_net
from deployments.deploy import MANIFEST, POOLS, SEEDED_SCHEDULES, DeploymentSpec, read_manifest
from deployments.local.prefect_figures import WORK_POOLS

CONTRACT = {
    "land/watch-inbox",
    "label/on-demand",
    "retrain/on-data-landed",
    "retrain/nightly",
    "train/gpu",
    "infer/gpu",
    "evaluate/on-demand",
    "report/on-demand",
}
SPECS = read_manifest()


def flow_of(spec: DeploymentSpec) -> Flow:
    module, name = spec.entrypoint.rsplit(".", 1)
    return getattr(importlib.import_module(module), name)


def full_name(spec: DeploymentSpec) -> str:
    return f"{flow_of(spec).name}/{spec.name}"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.entrypoint}/{spec.name}")
def test_every_entrypoint_starts_without_parameters(spec):
    """Every entrypoint is an async flow that can be started without parameters."""
    flow = flow_of(spec)
    assert isinstance(flow, Flow)
    assert inspect.iscoroutinefunction(flow.fn)
    assert all(one.default is not one.empty for one in inspect.signature(flow.fn).parameters.values())


def test_the_names_that_others_rely_on_are_deployed():
    assert {full_name(spec) for spec in SPECS} >= CONTRACT


def test_each_says_what_it_does_in_one_tag() -> None:
    """Names repeat, and a row of the UI has room for 18 characters."""
    tags = [tag for spec in SPECS for tag in spec.tags]
    assert len(set(tags)) == len(tags) == len(SPECS)
    assert [tag for tag in tags if len(tag) > 18] == []


def test_only_accelerator_work_runs_in_its_pool():
    """What needs the accelerator and nothing else runs in its pool."""
    assert {full_name(spec) for spec in SPECS if spec.pool == "gpu"} == {"preflight/gpu", "train/gpu", "infer/gpu"}
    assert {spec.pool for spec in SPECS} == set(POOLS)


def test_status_looks_at_every_pool():
    assert set(WORK_POOLS) == set(POOLS)


def test_silence_is_noticed_in_every_pool():
    speechless = next(automation for automation in safety_net() if automation.name == "crash runs that never spoke")
    assert set(speechless.trigger.match_related["prefect.resource.name"]) == set(POOLS)


def test_only_the_schedule_of_housekeeping_deletes():
    """Who starts it by hand sees first what would go."""
    housekeeping = next(spec for spec in SPECS if full_name(spec) == "housekeeping/weekly")
    assert inspect.signature(flow_of(housekeeping).fn).parameters["dry_run"].default is True
    assert SEEDED_SCHEDULES["housekeeping/weekly"].parameters == {"dry_run": False}


def test_no_deployment_overwrites_peoples_schedules():
    """No deployment has schedules that a redeploy would put over those of people."""
    assert "\n    schedules:" not in MANIFEST.read_text()


def test_retraining_queues_one_at_a_time():
    """Retraining queues up rather than running twice or losing a wake up."""
    limited = {full_name(spec): spec for spec in SPECS if spec.limit == 1}
    assert limited.keys() >= {"retrain/on-data-landed", "retrain/nightly", "preflight/gpu", "train/gpu", "infer/gpu"}
    assert {spec.collision_strategy for spec in limited.values()} == {"ENQUEUE"}


def test_landed_data_wakes_exactly_one_deployment():
    expected = {full_name(spec): trigger["expect"] for spec in SPECS for trigger in spec.triggers}
    assert expected["retrain/on-data-landed"] == ["feedback.data.landed"]
    assert expected["land/watch-inbox"] == ["prefect.flow-run.Failed"]
    assert len(expected) == 2


def test_seeded_schedules_belong_to_deployments_that_exist():
    assert set(SEEDED_SCHEDULES) <= {full_name(spec) for spec in SPECS}


def test_crashed_runs_are_resumed_within_bounds():
    """Crashed runs are resumed a bounded number of times and never without having started."""
    resumed = next(automation for automation in safety_net() if automation.name == "resume crashed runs")
    assert resumed.trigger.match.root["prefect.run-count"] == RESUMABLE == ["1", "2", "3"]
    assert resumed.trigger.match_related.root == {"prefect.resource.id": "prefect.deployment.*"}
