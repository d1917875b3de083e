"""The service's figures are what Prometheus' own parser reads, and health tells no more than it should."""

import asyncio
import json
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Message

from deployments.local.prefect_guard import HEALTH, METRICS
from deployments.local.service_endpoints import FRESH_SECONDS, ServiceEndpoints
from deployments.local.service_metrics import render_metrics
from feedback_model.records.service import RETRAINING_OUTCOMES, LastRetraining, RetrainingDecided, ServiceFigures
from tests.unit.test_service_parts import AGO, FAILURE, PREFECT, RUN, STORE, WELL

WORK = replace(
    STORE,
    batches_waiting=2,
    labels={"labelled": 7, "failed": 1},
    cost_usd={"gpt-4o-mini": 1.25},
    decision=RetrainingDecided(AGO, "wait", "quiet_hours", "until the evening"),
    retraining=LastRetraining(AGO, AGO, "hold"),
)
BUSY = replace(WELL, store=WORK, prefect=replace(PREFECT, runs=(RUN, replace(RUN, state="Late")), failure=FAILURE))


def samples(figures: ServiceFigures) -> dict[str, float]:
    """Every sample, by its name and the values of its labels."""
    families = text_string_to_metric_families(render_metrics(figures).decode())
    found = [sample for family in families for sample in family.samples]
    return {" ".join([sample.name, *sample.labels.values()]): sample.value for sample in found}


def test_figures_are_read_by_the_parser() -> None:
    found = samples(BUSY)
    wanted = {
        "feedback_healthy last failure": 0,
        "feedback_healthy database": 1,
        "feedback_runs Running": 1,
        "feedback_runs Late": 1,
        "feedback_workers_online gpu": 1,
        "feedback_batches_waiting": 2,
        "feedback_labels failed": 1,
        "feedback_cost_usd_total gpt-4o-mini": 1.25,
        "feedback_last_retraining_outcome hold": 1,
        "feedback_last_retraining_outcome promote": 0,
        "feedback_last_retraining_timestamp_seconds": AGO.timestamp(),
        "feedback_last_failure_timestamp_seconds": AGO.timestamp(),
        "feedback_database_bytes": 2**21,
        "feedback_disk_free_bytes": 2**34,
    }
    assert found | wanted == found
    assert sum(found[f"feedback_last_retraining_outcome {outcome}"] for outcome in RETRAINING_OUTCOMES) == 1


def test_what_is_not_known_is_left_out() -> None:
    found = samples(replace(WELL, store=None, prefect=None))
    assert {name.split()[0] for name in found} == {"feedback_healthy", "feedback_disk_free_bytes"}


def test_names_follow_the_conventions() -> None:
    families = list(text_string_to_metric_families(render_metrics(BUSY).decode()))
    assert all(family.name.startswith("feedback_") and family.documentation for family in families)
    assert all(sample.name.endswith("_total") for one in families if one.type == "counter" for sample in one.samples)


def ask(endpoints: ServiceEndpoints, path: str) -> tuple[int, bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(dict(message))

    async def receive() -> Message:
        return {"type": "http.request"}

    asyncio.run(endpoints({"type": "http", "path": path, "method": "GET", "headers": []}, receive, send))
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize(("figures", "status"), [(BUSY, 200), (replace(WELL, store_problem="locked", store=None), 503)])
def test_health_tells_states_of_vital_parts_alone(figures: ServiceFigures, status: int) -> None:
    """A failure is no reason to start anything again, and no path or name is told."""
    answered, body = ask(ServiceEndpoints(lambda: figures), HEALTH)
    assert answered == status
    assert set(json.loads(body)["parts"]) == {"home folder", "database", "Prefect server", "workers"}
    assert set(json.loads(body)["parts"].values()) <= {"ok", "unhealthy", "not running"}


def test_figures_are_kept_for_a_moment() -> None:
    reads, time = [], 0.0
    endpoints = ServiceEndpoints(lambda: reads.append(1) or BUSY, lambda: time)
    assert ask(endpoints, METRICS)[0] == 200
    ask(endpoints, HEALTH)
    assert len(reads) == 1
    time = FRESH_SECONDS + 1
    ask(endpoints, METRICS)
    assert len(reads) == 2
