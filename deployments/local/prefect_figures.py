"""What a Prefect server says of its pools, its workers and the runs, asked over HTTP. Imports no Prefect."""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from deployments.local.server import PrefectServer
from feedback_model.errors import ConfigurationError
from feedback_model.masking import mask
from feedback_model.network import read_url
from feedback_model.records.service import PoolFigures, PrefectFigures, RunFailure, RunFigures

ANSWER_SECONDS: Final = 5.0
SHOWN_RUNS: Final = 200
"""Prefect's own limit of one answer."""
WORK_POOLS: Final = ("cpu", "gpu")
"""The pools of the service; whoever made others looks after them."""
_UNDER_WAY: Final = ("RUNNING", "PENDING", "PAUSED", "CANCELLING")
_WAITING: Final = ("Late", "AwaitingConcurrencySlot", "AwaitingRetry")
"""Names of scheduled runs that should have started; those that a schedule has planned are left out."""
_FAILED: Final = ("FAILED", "CRASHED")
_SHOWN_MESSAGE: Final = 300  # characters
_NO_ANSWER: Final = "start `feedback up` again, or look into prefect/server.log of the home folder"
_EXCEPTION: Final = "Flow run encountered an exception: "


class _Api:
    """Questions to one server."""

    def __init__(self, server: PrefectServer) -> None:
        self._url = server.api_url.rstrip("/")
        secret = server.secret or os.environ.get("PREFECT_API_AUTH_STRING", "")
        self._headers = {"content-type": "application/json"}
        if secret:
            self._headers["authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"

    def ask(self, path: str, said: Mapping[str, Any] | None = None) -> Any:
        """Return the answer to a question; GET where nothing is `said`.

        Raises:
            ConfigurationError: it does not answer, or does not let us in.
        """
        body = None if said is None else json.dumps(said).encode()
        try:
            status, _, told = read_url(f"{self._url}/{path}", ANSWER_SECONDS, body, self._headers)
            if status < HTTPStatus.BAD_REQUEST:
                return json.loads(told)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{self._url} does not answer ({_reason(error)}); {_NO_ANSWER}") from error
        raise ConfigurationError(_why_refused(self._url, status))


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", error) or type(error).__name__)


def _why_refused(url: str, status: int) -> str:
    if status == HTTPStatus.UNAUTHORIZED:
        return f"{url} wants another password; set PREFECT_API_AUTH_STRING to that of the server"
    if status == HTTPStatus.NOT_FOUND:
        return f"{url} is no Prefect API; its URL ends in /api, correct PREFECT_API_URL"
    return f"{url} answers with status {status}; look into its log"


def read_prefect_figures(server: PrefectServer) -> PrefectFigures:
    """Ask `server` how pools, workers and runs are.

    Raises:
        ConfigurationError: it does not answer, or does not let us in.
    """
    api = _Api(server)
    version = str(api.ask("admin/version"))
    flows = {flow["id"]: str(flow["name"]) for flow in api.ask("flows/filter", {})}
    page = f"{server.api_url.removesuffix('/api')}/v2/runs/flow-run"
    return PrefectFigures(server.api_url, version, _pools(api), _runs(api, flows), _last_failure(api, flows, page))


def _pools(api: _Api) -> tuple[PoolFigures, ...]:
    return tuple(
        _pool(pool, api.ask(f"work_pools/{pool['name']}/workers/filter", {}))
        for pool in api.ask("work_pools/filter", {"work_pools": {"name": {"any_": list(WORK_POOLS)}}})
    )


def _pool(pool: Mapping[str, Any], workers: Sequence[Mapping[str, Any]]) -> PoolFigures:
    heartbeats = [_moment(worker["last_heartbeat_time"]) for worker in workers if worker["last_heartbeat_time"]]
    online = sum(worker["status"] == "ONLINE" for worker in workers)
    return PoolFigures(
        pool["name"], pool["status"] == "READY", bool(pool["is_paused"]), online, max(heartbeats, default=None)
    )


def _runs(api: _Api, flows: Mapping[str, str]) -> tuple[RunFigures, ...]:
    states = {"operator": "or_", "type": {"any_": list(_UNDER_WAY)}, "name": {"any_": list(_WAITING)}}
    found = api.ask("flow_runs/filter", {"flow_runs": {"state": states}, "limit": SHOWN_RUNS, "sort": "START_TIME_ASC"})
    return tuple(_run(run, flows) for run in found)


def _run(run: Mapping[str, Any], flows: Mapping[str, str]) -> RunFigures:
    return RunFigures(
        flow=flows.get(run["flow_id"], ""),
        name=run["name"],
        state=run["state_name"],
        since=_moment(run["state"]["timestamp"]),
        deployed=run["deployment_id"] is not None,
        pool=run["work_pool_name"],
    )


def _last_failure(api: _Api, flows: Mapping[str, str], page: str) -> RunFailure | None:
    """Find the newest run that failed by itself, and the innermost run in which it did."""
    wanted = {"state": {"type": {"any_": list(_FAILED)}}, "parent_task_run_id": {"is_null_": True}}
    found = api.ask("flow_runs/filter", {"flow_runs": wanted, "limit": 1, "sort": "END_TIME_DESC"})
    if not found:
        return None
    run, inner = found[0], _innermost(api, found[0])
    return RunFailure(
        flow=flows.get(run["flow_id"], ""),
        stage=flows.get(inner["flow_id"], ""),
        state=run["state_name"],
        ended_at=_moment(run["end_time"] or run["state"]["timestamp"]),
        message=_one_line(inner["state"]["message"] or ""),
        page=f"{page}/{run['id']}",
        stands=not _completed_since(api, run),
    )


def _innermost(api: _Api, run: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a failure inwards: a run that fails because of another that it started ends after that one."""
    wanted = {"state": {"type": {"any_": list(_FAILED)}}, "parent_flow_run_id": {"any_": [run["id"]]}}
    inside = api.ask("flow_runs/filter", {"flow_runs": wanted, "limit": 1, "sort": "END_TIME_DESC"})
    return _innermost(api, inside[0]) if inside else run


def _completed_since(api: _Api, run: Mapping[str, Any]) -> bool:
    completed = {"state": {"type": {"any_": ["COMPLETED"]}}, "end_time": {"after_": run["end_time"]}}
    asked = {"flow_runs": completed, "flows": {"id": {"any_": [run["flow_id"]]}}}
    return run["end_time"] is not None and api.ask("flow_runs/count", asked) > 0


def _one_line(message: str) -> str:
    line = mask(" ".join(message.removeprefix(_EXCEPTION).split()))
    return line if len(line) <= _SHOWN_MESSAGE else f"{line[:_SHOWN_MESSAGE]}..."


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
