"""A PostgreSQL that wants TLS and a password of odd characters, and a schema of one's own in it."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import pytest
import trustme

from feedback_model.errors import StoreError
from feedback_model.store.connection import open_store
from feedback_model.store.readonly_sql import run_query
from tests.databases import postgres_programs, running_cluster
from tests.ports import free_port

PASSWORD = "p@ss/w:rd? #%é'\""
ENCRYPTED = "SELECT current_schema(), (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """User, password and place of a database, as a URL has them."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl were not found: install the package postgresql")
    authority, port = trustme.CA(), free_port()
    certificate = authority.issue_cert("localhost")
    with running_cluster(programs) as cluster:
        cluster.execute(f"CREATE ROLE me LOGIN PASSWORD '{PASSWORD.replace(chr(39), 2 * chr(39))}'")
        cluster.execute("CREATE DATABASE db OWNER me")
        cluster.stop()
        certificate.private_key_pem.write_to_path(str(cluster.data / "server.key"))
        certificate.cert_chain_pems[0].write_to_path(str(cluster.data / "server.crt"))
        (cluster.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        for name in ("server.key", "server.crt"):
            shutil.chown(cluster.data / name, (cluster.data / "PG_VERSION").owner())
            (cluster.data / name).chmod(0o600)
        authority.cert_pem.write_to_path(str(cluster.data.parent / "authority.pem"))
        cluster.start(f"-c listen_addresses=127.0.0.1 -c port={port} -c ssl=on")
        yield f"me:{quote(PASSWORD, safe='')}@localhost:{port}/db?sslrootcert={cluster.data.parent}/authority.pem"


@pytest.mark.parametrize(
    ("asked", "schema"), [("&sslmode=verify-full", "public"), ("&sslmode=require&options=-csearch_path%3Dmine", "mine")]
)
def test_encrypted_sessions_and_own_schemas_are_had(server: str, asked: str, schema: str) -> None:
    with closing(open_store(f"postgres://{server}")) as store, store.write() as connection:
        connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS mine")
    open_store(f"postgres://{server}{asked}").close()
    assert run_query(f"postgres://{server}{asked}", ENCRYPTED).rows == ((schema, True),)


@pytest.mark.parametrize("open_it", [open_store, lambda url: run_query(url, "SELECT 1")])
def test_refused_password_is_not_shown(server: str, open_it) -> None:
    wrong = server.replace(quote(PASSWORD, safe=""), "pl4nted%20password")
    with pytest.raises(StoreError, match="password authentication failed") as refused:
        open_it(f"postgresql://{wrong}")
    assert "pl4nted" not in str(refused.value)
