"""The figures of the service as Prometheus reads them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from deployments.local.service_parts import judge_parts
from feedback_model.records.service import RETRAINING_OUTCOMES, PrefectFigures, ServiceFigures, StoreFigures

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def render_metrics(figures: ServiceFigures) -> bytes:
    """Return the figures in Prometheus' text format; what cannot be known is left out, not zero."""
    registry = CollectorRegistry()
    registry.register(_Figures(figures))
    return generate_latest(registry)


class _Figures(Collector):
    """Collector of figures that were read already."""

    def __init__(self, figures: ServiceFigures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        figures = self._figures
        states = {part.name: float(part.state != "unhealthy") for part in judge_parts(figures)}
        yield _by(
            "feedback_healthy", "Whether a part of the service is well: 1, or 0 where it is unhealthy", "part", states
        )
        yield _one("feedback_disk_free_bytes", "Room on the disk of the home folder", figures.home.free_bytes)
        if figures.prefect is not None:
            yield from _about_runs(figures.prefect)
        if figures.store is not None:
            yield _one("feedback_database_bytes", "Size of the database", figures.store.size_bytes)
            yield from _about_work(figures.store)


def _about_runs(prefect: PrefectFigures) -> Iterator[Metric]:
    states = Counter(run.state for run in prefect.runs if run.deployed)
    yield _by("feedback_runs", "Runs of deployments that are not over", "state", {"Running": 0, "Late": 0} | states)
    workers = {pool.name: pool.workers_online for pool in prefect.pools}
    yield _by("feedback_workers_online", "Workers that were heard of late", "pool", workers)
    if prefect.failure is not None:
        ended = prefect.failure.ended_at
        yield _moment("feedback_last_failure_timestamp_seconds", "When a run failed or crashed last", ended)
        yield _one("feedback_last_failure_stands", "1 until a run of that flow completes", prefect.failure.stands)


def _about_work(store: StoreFigures) -> Iterator[Metric]:
    if store.schema != store.newest_schema:
        return
    yield _one("feedback_batches_waiting", "Landings that wait for a retraining", store.batches_waiting)
    yield _one("feedback_batches_claimed", "Landings that a retraining works on", store.batches_claimed)
    yield _one("feedback_transcripts_waiting", "New transcripts in landings that wait", store.transcripts_waiting)
    yield _by("feedback_labels", "Labels by state; failed ones are set aside", "state", store.labels)
    cost = CounterMetricFamily("feedback_cost_usd", "Dollars spent on labels, by the ledger", labels=["label_model"])
    for model, dollars in store.cost_usd.items():
        cost.add_metric([model], dollars)
    yield cost
    yield _one("feedback_unknown_cost_usd", "Dollars at most for answers that were never seen", store.unknown_usd)
    yield from _about_retraining(store)


def _about_retraining(store: StoreFigures) -> Iterator[Metric]:
    if (decision := store.decision) is not None:
        text = "When it was last decided whether to retrain"
        yield _moment("feedback_last_decision_timestamp_seconds", text, decision.decided_at)
        yield _one("feedback_last_decision_retrain", "1 where it was to retrain", decision.verdict == "retrain")
    if (last := store.retraining) is not None:
        ended = last.finished_at or last.began_at
        yield _moment("feedback_last_retraining_timestamp_seconds", "When it finished, else when it began", ended)
        outcomes = {outcome: float(outcome == last.outcome) for outcome in RETRAINING_OUTCOMES}
        yield _by("feedback_last_retraining_outcome", "1 beside what came of it", "outcome", outcomes)
    if (champion := store.champion) is not None:
        told = {"model": champion.model, "base_model": champion.base_model, "run_id": champion.run_id or ""}
        yield InfoMetricFamily("feedback_champion", "The model that answers", value=told)
        yield _moment("feedback_champion_since_timestamp_seconds", "Since when it is", champion.since)


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _moment(name: str, text: str, moment: datetime) -> Metric:
    return GaugeMetricFamily(name, text, value=moment.timestamp())


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, figure in values.items():
        family.add_metric([value], figure)
    return family
