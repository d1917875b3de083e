"""All figures of the running service at a moment, read for `feedback status` and for Prometheus by the same functions."""

import os
import shutil
import tempfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deployments.local.prefect_figures import read_prefect_figures
from deployments.local.server import PrefectServer, announced_server
from feedback_model.errors import FeedbackError
from feedback_model.records.service import HomeFigures, PrefectFigures, ServiceFigures, StoreFigures

if TYPE_CHECKING:
    from feedback_model.settings import Settings


def read_service_figures(settings: "Settings", server: PrefectServer | None) -> ServiceFigures:
    """Read what can be read now; what cannot has a sentence instead.

    Args:
        server: to be asked about pools and runs; None where none is to be running.
    """
    store, store_problem = _store(settings)
    prefect, prefect_problem = _prefect(server)
    home = HomeFigures(str(settings.home), _is_writable(settings), shutil.disk_usage(settings.home).free)
    return ServiceFigures(datetime.now(UTC), home, store, store_problem, prefect, prefect_problem)


def server_to_ask(settings: "Settings") -> PrefectServer | None:
    """Return the server that the environment names or `feedback up` announced here, whether it answers or not."""
    announced, url = announced_server(settings), os.environ.get("PREFECT_API_URL")
    if url and not (announced and announced.api_url == url):
        return PrefectServer(url)
    return announced


def _is_writable(settings: "Settings") -> bool:
    try:
        with tempfile.TemporaryFile(dir=settings.home):
            return True
    except OSError:
        return False


def _store(settings: "Settings") -> tuple[StoreFigures | None, str]:
    from feedback_model.store.store_figures import read_store_figures

    try:
        return read_store_figures(settings.store_url), ""
    except FeedbackError as error:
        return None, str(error)


def _prefect(server: PrefectServer | None) -> tuple[PrefectFigures | None, str]:
    if server is None:
        return None, ""
    try:
        return read_prefect_figures(server), ""
    except FeedbackError as error:
        return None, str(error)
