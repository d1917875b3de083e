"""Runs whose process is gone, put back at once: without waiting for the silence after which the server's automations would.

`feedback up` can see which runs have a process on its machine. Where another machine has workers too, it cannot, and leaves all
to the automations.
"""

import asyncio
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import AwaitingRetry, Cancelled, Crashed

from deployments.automations import RESUMABLE
from deployments.deploy import POOLS
from deployments.local.left_processes import end_run, runs_at_work

STARTS_WITHIN: Final = 30.0  # seconds
"""A worker takes a run before it has a process for it."""
REPORTED_WITHIN: Final = 10.0  # seconds
"""A worker that lives reports a process that died, twice, some seconds apart."""
ENDS_WITHIN: Final = 60.0  # seconds
"""A worker gives a run that is cancelled half of it, and a process has a word to say to the server after its run has ended."""
STRANGER_WITHIN: Final = timedelta(hours=1)
"""A worker that was heard of so lately may still be at work, though the server was away meanwhile."""

LOOK_SECONDS: Final = 5.0
ASK_SECONDS: Final = 60.0
"""Between questions to the server while no process comes or goes: one costs a tenth of a second of the processor."""

_UNFINISHED: Final = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
_GONE: Final = "its process is gone"
_log = logging.getLogger(__name__)


async def recover(recovery: "Recovery") -> None:
    """Put back whatever loses its process, for as long as nobody cancels this."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            for name in await recovery.look(at_once=False):
                _log.warning("the run %s goes on: %s", name, _GONE)
        except Exception as error:  # noqa: BLE001 - whatever it is: the automations make up for it, a minute or two later
            _log.info("runs could not be looked after: %s", error)


@dataclass
class Recovery:
    """Looks for runs that lost their process, again and again."""

    home: Path
    """Of the processes to look at."""
    workers: Collection[str]
    """Names of the workers of this machine."""
    missed: dict[str, float] = field(default_factory=dict[str, float])
    """Since when each run has had no process, by the monotonic clock."""

    outlived: dict[str, float] = field(default_factory=dict[str, float])
    """Since when each run with a process has been over, or was to be."""

    seen: frozenset[str] = frozenset()
    """The runs that had a process at the last look."""
    asked_at: float = float("-inf")
    """When the server was asked last, by the monotonic clock."""

    async def look(self, *, at_once: bool) -> list[str]:
        """Put back every unfinished run without a process, at most three times each; one that was being cancelled is cancelled.

        A process that outlives its run, as where its worker died and nobody passed a cancellation on, is ended.

        Args:
            at_once: there is no worker now that might still start one, or report that one died.

        Returns:
            The names of the runs.
        """
        at_work = runs_at_work(self.home)
        if not at_once and not self._is_worth_asking(at_work):
            return []
        async with get_client() as client:
            unfinished = await _unfinished(client)
            self.seen, self.asked_at = at_work, time.monotonic()
            for flow_run_id in self._outliving(unfinished, at_work):
                end_run(self.home, flow_run_id)
            lost = [run for run in self._missing(unfinished, at_work) if at_once or self._is_lost(run)]
            if not lost or await _strangers(client, self.workers):
                return []
            for run in lost:
                await _put_back(client, run)
        return [run.name for run in lost]

    def _is_worth_asking(self, at_work: frozenset[str]) -> bool:
        is_due = time.monotonic() - self.asked_at > ASK_SECONDS
        return is_due or at_work != self.seen or bool(self.missed or self.outlived)

    def _missing(self, unfinished: list[FlowRun], at_work: frozenset[str]) -> list[FlowRun]:
        missing = [run for run in unfinished if str(run.id) not in at_work]
        present = time.monotonic()
        self.missed = {str(run.id): self.missed.get(str(run.id), present) for run in missing}
        return missing

    def _outliving(self, unfinished: list[FlowRun], at_work: frozenset[str]) -> list[str]:
        present = time.monotonic()
        over = at_work - {str(run.id) for run in unfinished if run.state is None or not run.state.is_cancelling()}
        self.outlived = {each: self.outlived.get(each, present) for each in over}
        return [each for each, since in self.outlived.items() if present - since > ENDS_WITHIN]

    def _is_lost(self, run: FlowRun) -> bool:
        patience = STARTS_WITHIN if run.state is None or run.state.is_pending() else REPORTED_WITHIN
        return time.monotonic() - self.missed[str(run.id)] > patience


async def _unfinished(client: PrefectClient) -> list[FlowRun]:
    states = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(_UNFINISHED)))
    # A subflow goes on with its parent, and a flow of the command line is nobody's but its own.
    deployed = FlowRunFilterDeploymentId(is_null_=False)
    return await client.read_flow_runs(flow_run_filter=FlowRunFilter(state=states, deployment_id=deployed))


async def _strangers(client: PrefectClient, workers: Collection[str]) -> bool:
    """Tell whether somebody else's worker may have them."""
    since = datetime.now(UTC) - STRANGER_WITHIN
    found = [worker for pool in POOLS for worker in await client.read_workers_for_work_pool(pool)]
    return any(one.name not in workers and (one.last_heartbeat_time or since) > since for one in found)


async def _put_back(client: PrefectClient, run: FlowRun) -> None:
    if run.state is not None and run.state.is_cancelling():
        await client.set_flow_run_state(run.id, Cancelled(message=_GONE), force=True)
        return
    await client.set_flow_run_state(run.id, Crashed(message=_GONE))  # which frees its slot
    if run.run_count <= len(RESUMABLE):
        await client.set_flow_run_state(run.id, AwaitingRetry(message=f"resumed, since {_GONE}"))
