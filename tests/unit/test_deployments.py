"""prefect.yaml says what is there, and the automations say what they mean."""

import importlib
import inspect

import pytest
from prefect.flows import Flow

from deployments.automations import RESUMABLE, safety_net
from deployments.deploy import MANIFEST, POOLS, SEEDED_SCHEDULES, DeploymentSpec, read_manifest

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
def test_every_entrypoint_is_an_async_flow_that_can_be_started_without_parameters(spec):
    flow = flow_of(spec)
    assert isinstance(flow, Flow)
    assert inspect.iscoroutinefunction(flow.fn)
    assert all(one.default is not one.empty for one in inspect.signature(flow.fn).parameters.values())


def test_the_names_that_others_rely_on_are_deployed():
    assert {full_name(spec) for spec in SPECS} >= CONTRACT


def test_what_needs_the_accelerator_and_nothing_else_runs_in_its_pool():
    assert {full_name(spec) for spec in SPECS if spec.pool == "gpu"} == {"train/gpu", "infer/gpu"}
    assert {spec.pool for spec in SPECS} == set(POOLS)


def test_no_deployment_has_schedules_that_a_redeploy_would_put_over_those_of_people():
    assert "\n    schedules:" not in MANIFEST.read_text()


def test_retraining_queues_up_rather_than_running_twice_or_losing_a_wake_up():
    limited = {full_name(spec): spec for spec in SPECS if spec.limit == 1}
    assert limited.keys() >= {"retrain/on-data-landed", "retrain/nightly", "train/gpu", "infer/gpu"}
    assert {spec.collision_strategy for spec in limited.values()} == {"ENQUEUE"}


def test_landed_data_wakes_exactly_one_deployment():
    assert [full_name(spec) for spec in SPECS if spec.triggers] == ["retrain/on-data-landed"]


def test_seeded_schedules_belong_to_deployments_that_exist():
    assert set(SEEDED_SCHEDULES) <= {full_name(spec) for spec in SPECS}


def test_crashed_runs_are_resumed_a_bounded_number_of_times_and_never_without_having_started():
    resumed = next(automation for automation in safety_net() if automation.name == "resume crashed runs")
    assert resumed.trigger.match.root["prefect.run-count"] == RESUMABLE == ["1", "2", "3"]
    assert resumed.trigger.match_related.root == {"prefect.resource.id": "prefect.deployment.*"}
