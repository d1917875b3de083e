"""Prefect's command line with SQLite transactions that wait for each other: `python -m deployments.local.prefect_server`.

Prefect 3.8 begins its SQLite transactions DEFERRED. One that reads before it writes then fails at once with "database is locked"
when another wrote in between, whatever the busy timeout. Under load that was seen to lose events, and with them the resumption
of crashed runs. IMMEDIATE transactions queue for up to a minute instead. On PostgreSQL nothing changes.
"""

from typing import Any

from prefect.cli import app
from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration


def _begin_immediately(self: AioSqliteConfiguration, conn: Any) -> None:  # noqa: ARG001 - replaces a method
    if SQLITE_BEGIN_MODE.get() is not None:
        conn.exec_driver_sql("BEGIN IMMEDIATE")


if __name__ == "__main__":
    AioSqliteConfiguration.begin_sqlite_stmt = _begin_immediately
    app()
