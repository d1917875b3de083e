"""`feedback-container health URL` or `health POOL...`: exit status 0 where the part of this container is well.

A server is asked at its own address; for a worker the API is asked whether somebody works for its pools.
"""

import os
import sys
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from feedback_model.errors import FeedbackError
from feedback_model.network import read_url

_ANSWER_SECONDS: Final = 5.0


def problem_of(asked: Sequence[str], api_url: str) -> str:
    """Return what is wrong in one sentence; empty where nothing is.

    Args:
        asked: one URL, or names of pools.
    """
    try:
        return _page_problem(asked[0]) if "://" in asked[0] else _pool_problem(asked, api_url)
    except FeedbackError as error:
        return str(error)


def _page_problem(url: str) -> str:
    try:
        status = read_url(url, _ANSWER_SECONDS).status
    except (OSError, ValueError) as error:
        return f"{url} does not answer ({error})"
    return "" if status < HTTPStatus.BAD_REQUEST else f"{url} answers with status {status}"


def _pool_problem(pools: Sequence[str], api_url: str) -> str:
    from deployments.local.prefect_figures import read_prefect_figures
    from deployments.local.server import PrefectServer

    figures = read_prefect_figures(PrefectServer(api_url))
    at_work = {pool.name for pool in figures.pools if pool.workers_online}
    missing = [pool for pool in pools if pool not in at_work]
    return f"no worker of the pool {missing[0]} is online" if missing else ""


def health(asked: Sequence[str]) -> int:
    """Say what is wrong, if anything is; returns the exit status."""
    if not asked:
        sys.stderr.write("name a URL or the pools of a worker\n")
        return 2
    if problem := problem_of(asked, os.environ.get("PREFECT_API_URL", "")):
        sys.stderr.write(f"{problem}\n")
    return int(bool(problem))
