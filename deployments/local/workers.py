"""The workers of `feedback up`, one for each pool, in one process, which sleeps until the server says that a run is due.

`python -m deployments.local.workers cpu` works for the named pools alone, as one of several machines or containers.

Prefect's workers ask every few seconds whether there is something to do, each in a process of its own. Here they ask when the
server's events say so, and every `PREFECT_WORKER_QUERY_SECONDS` all the same, for what no event has told of. Runs that lose their
process are put back from here as well.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter
from prefect.logging import get_logger
from prefect.logging.configuration import setup_logging
from prefect.settings import PREFECT_WORKER_HEARTBEAT_SECONDS, PREFECT_WORKER_PREFETCH_SECONDS
from prefect.utilities.processutils import command_to_string
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

from deployments.deploy import POOLS
from deployments.local.orphans import end_orphans
from deployments.local.recovery import Recovery, recover
from feedback_model.settings import Settings

RECONNECT_SECONDS = 5.0
BUSY_SECONDS = 0.2
"""For each run that it has at work a host lets others go first, where there are others."""
_DUE = EventFilter(event=EventNameFilter(name=[f"prefect.flow-run.{name}" for name in ("Scheduled", "AwaitingRetry")]))
_log = get_logger("workers")


class EngineConfiguration(ProcessJobConfiguration):
    """Starts a run's engine at once.

    Without a command, Prefect 3.8 first looks for a project to install, in a process of its own that takes two seconds to import
    Prefect. Ours is installed.
    """

    def prepare_for_flow_run(self, *arguments: Any, **named: Any) -> None:
        """Set the command, which Prefect would leave open."""
        self.command = command_to_string([sys.executable, "-m", "deployments.local.engine"])
        super().prepare_for_flow_run(*arguments, **named)


def worker_names(pools: Iterable[str] = POOLS) -> list[str]:
    """Return what the workers are called, the same again after a restart: the UI would fill with dead ones."""
    return [f"{pool}-{socket.gethostname()}" for pool in pools]


async def work(pools: Sequence[str], home: Path | None) -> None:
    """Run a worker for each pool until this process is told to end.

    Args:
        pools: names of work pools.
        home: whose runs are looked after, too; None where this machine or container sees only some of their processes, and
            putting back what it does not see would run it twice. The server's automations put them back there.
    """
    names = worker_names(pools)
    is_one_of_many, due = home is None, asyncio.Event()
    limits = [POOLS[pool] if is_one_of_many else None for pool in pools]  # else the pool's own limit says as much
    workers = [_worker(*told) for told in zip(pools, names, limits, strict=True)]
    works = [worker.start(printer=_log.info) for worker in workers]
    looking = [end_orphans(), *([recover(Recovery(home, names))] if home else [])]
    together = asyncio.gather(*works, _listen(due), _ask_when(due, workers, is_one_of_many), *looking)
    for told in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(told, together.cancel)
    await together


def _worker(pool: str, name: str, limit: int | None) -> ProcessWorker:
    worker = ProcessWorker(
        work_pool_name=pool,
        name=name,
        limit=limit,
        prefetch_seconds=PREFECT_WORKER_PREFETCH_SECONDS.value(),
        heartbeat_interval_seconds=int(PREFECT_WORKER_HEARTBEAT_SECONDS.value()),
    )
    worker.job_configuration = EngineConfiguration
    return worker


async def _listen(due: asyncio.Event) -> None:
    """Set `due` whenever a run has been scheduled; while the server is away the workers ask by themselves."""
    while True:
        try:
            async with get_events_subscriber(filter=_DUE) as events:
                async for _ in events:
                    due.set()
        except Exception as error:  # noqa: BLE001 - whatever ends the connection, it is made again
            _log.debug("no events: %s", error)
        due.set()  # for what came in between
        await asyncio.sleep(RECONNECT_SECONDS)


async def _ask_when(due: asyncio.Event, workers: Sequence[ProcessWorker], is_one_of_many: bool) -> None:
    while True:
        await due.wait()
        due.clear()
        await asyncio.gather(*(_ask(worker, is_one_of_many) for worker in workers))


async def _ask(worker: ProcessWorker, is_one_of_many: bool) -> None:
    try:
        if is_one_of_many:
            await asyncio.sleep(BUSY_SECONDS * worker.limiter.borrowed_tokens)
        await worker.get_and_submit_flow_runs()
    except Exception as error:  # noqa: BLE001 - the worker's own loop asks again, and says what is wrong
        _log.debug("could not ask what is due: %s", error)


def main() -> None:
    """Run the workers of this process's settings, for all pools or those that are named."""
    named = sys.argv[1:]
    if unknown := [name for name in named if name not in POOLS]:
        sys.exit(f"there is no work pool {unknown[0]!r}; name {' or '.join(POOLS)}")
    setup_logging()
    with suppress(asyncio.CancelledError):
        asyncio.run(work(named or list(POOLS), None if named else Settings().home))


if __name__ == "__main__":
    main()
