"""What a server measures of itself, for Prometheus."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest

from feedback_model.records.evaluation import Decoding
from feedback_model.serving.job_queue import JobQueue, ServedModel

_SECONDS: Final = (0.02, 0.05, 0.1, 0.15, 0.25, 0.4, 0.7, 1, 2, 4, 8, 15, 30, 60)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counters, gauges and histograms of one server."""

    def __init__(self, queue: JobQueue) -> None:
        """Begin to measure a server whose texts wait in `queue`."""
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "feedback_requests", "Requests by route and status", ["route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "feedback_request_seconds",
            "Seconds from a request to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.reloads = Counter("feedback_reloads", "Models swapped, by outcome", ["outcome"], registry=registry)
        self._model = Info("feedback_model", "The model that answers", registry=registry)
        self._loaded = Gauge("feedback_model_load_seconds", "Seconds that its loading took", registry=registry)
        self._batches = Histogram(
            "feedback_batch_texts", "Texts asked together", ["decoding"], buckets=_SIZES, registry=registry
        )
        self._batch_seconds = Histogram(
            "feedback_batch_seconds", "Seconds of a batch", ["decoding"], buckets=_SECONDS, registry=registry
        )
        self._tokens = Counter("feedback_generated_tokens", "Tokens generated", ["decoding"], registry=registry)
        self.answering = Gauge("feedback_answering_texts", "Texts that the model is asked about now", registry=registry)
        Gauge("feedback_waiting_texts", "Texts that wait for the model", registry=registry).set_function(
            lambda: len(queue)
        )

    def note_loading(self, seconds: float) -> None:
        """Note how long it took to load the model."""
        self._loaded.set(seconds)

    def note_model(self, served: ServedModel) -> None:
        """Note the model that answers."""
        version = served.chosen.version
        self._model.info(
            {
                "model_id": version.model_id,
                "name": version.name,
                "champion": str(served.chosen.is_champion).lower(),
                "base": version.base.name,
                "decoding": served.decoding,
                "device": served.device,
            }
        )

    def note_batch(self, decoding: Decoding, n_texts: int, seconds: float, n_tokens: int) -> None:
        """Count a batch that was answered."""
        self._batches.labels(decoding).observe(n_texts)
        self._batch_seconds.labels(decoding).observe(seconds)
        self._tokens.labels(decoding).inc(n_tokens)

    def render(self) -> bytes:
        """Return the figures as Prometheus reads them."""
        return generate_latest(self._registry)
