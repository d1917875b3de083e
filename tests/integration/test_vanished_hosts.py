"""PostgreSQL and its clients find within a minute and a half that the other's host is gone, where TCP takes two hours."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy.engine import make_url

from feedback_model.store.connection import connect
from tests.databases import postgres_programs, running_cluster
from tests.ports import free_port

SILENT_MILLISECONDS = 90_000


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Of a database that is reached by TCP; on a Unix socket nothing of this is of use."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL was not found: install postgresql")
    with running_cluster(programs) as cluster:
        cluster.create(made := cluster.new_url())
        cluster.stop()
        cluster.start(f"-c listen_addresses=127.0.0.1 -c port={(port := free_port())}")
        there = make_url(made).set(host="127.0.0.1", port=port, query={})
        yield there.render_as_string(hide_password=False)


def test_server_and_client_look_for_each_other(url: str) -> None:
    with closing(connect(url)) as store, store.read() as connection:
        parameters = connection.connection.driver_connection.info.get_parameters()  # type: ignore[union-attr]
        names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
        server = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]
    assert server == ["30", "10", "6", str(SILENT_MILLISECONDS)]
    told = (parameters["keepalives_idle"], parameters["keepalives_interval"], parameters["keepalives_count"])
    assert told == ("30", "10", "6")
    assert int(parameters["tcp_user_timeout"]) == SILENT_MILLISECONDS
