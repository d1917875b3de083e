"""What processes of the service are told at their start, wherever they run: under `feedback up`, or in containers."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from feedback_model.settings import Settings

LIBRARIES: Final = {
    # Threads of a product that wait for each other sleep: spinning, as they would, takes the cores from whoever they wait for.
    "OMP_WAIT_POLICY": "PASSIVE",
    "THP_MEM_ALLOC_ENABLE": "1",  # PyTorch's tensors lie in huge pages, which are found faster
    # A thread's own arena is made of pieces of 64 MB, which activations leave in shreds; a training would hold far more.
    "MALLOC_ARENA_MAX": "1",
    # A CPU's library keeps the code that it makes for each shape of a product: a training on texts has thousands of shapes.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256",
}
"""Read by libraries when they are loaded."""

_PREFECT: Final = {
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "10",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_WORKER_QUERY_SECONDS": "10",  # the workers ask besides when the server says that a run is due
    "PREFECT_WORKER_PREFETCH_SECONDS": "10",  # so that a run's process is there when its time comes
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # What the server says while Redis or PostgreSQL is away from it. Asked again for a minute, a run outlives the restart of
    # either; it would end at the first word that is not heard, and nobody would be told.
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
    # Looked for every 5 to 15 seconds by default, which is a part of what a server at rest costs. A schedule that somebody adds
    # shows its runs a few seconds later.
    "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT15S",
    "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "30",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "30",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "15",
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_LOOP_SECONDS": "60",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "feedback_model,eval",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


def prefect_defaults(settings: "Settings") -> dict[str, str]:
    """Return the settings of Prefect that server, workers and runs share; what somebody set by hand goes before them."""
    if not settings.keep_history_days:
        return dict(_PREFECT)
    return _PREFECT | {  # Prefect's own service, which takes logs and artifacts of deleted runs along
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(settings.keep_history_days * 86_400),
    }
