"""Each wait for another process says for whom, how long, and the way out; the other process is real."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue

import psycopg
import pytest
from sqlalchemy import text

from deployments.local.server import wait_for_answer
from feedback_model.demo.speech import write_demo_input
from feedback_model.errors import StoreError
from feedback_model.labelling.label import label_missing
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.settings import Settings
from feedback_model.store.connection import Store, connect, open_store
from feedback_model.store.locks import hold
from feedback_model.store.schema import bring_up_to_date
from feedback_model.waiting import Wait, describe_process, telling_waits
from tests.labelling_rig import filled_store, settings_for, states
from tests.local_service import clean_environment
from tests.openai_rig.process import serving
from tests.other_process import HOLD_LEASE, Other
from tests.ports import free_port

WRITE = "import sqlite3; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE'); keep()"
CLAIM = """
from feedback_model.store import label_claims, label_requests
from feedback_model.store.connection import connect
from feedback_model.labelling.labeller import labelling_config_of
from feedback_model.settings import Settings
settings = Settings(label_model="embedded-rubric-3", _env_file=None)
store, labels = connect(sys.argv[1]), labelling_config_of("openai", settings)
label_requests.enqueue_labels(store, labels, None)
label_claims.claim_next(store, labels, "label", 3)
keep()
"""


def told_while(work: Callable[[], object], release: Callable[[], object], about: str) -> Wait:
    """What is said of the wait for `about` in `work`, which comes to its end after `release`."""
    told = SimpleQueue[Wait]()

    def run() -> None:
        with telling_waits(told.put, first=0.0):
            work()

    with ThreadPoolExecutor(1) as workers:
        working = workers.submit(run)
        while about not in (wait := told.get(timeout=120)).what:
            pass
        release()
        working.result()
    return wait


def write_once(store: Store) -> None:
    with store.write() as connection:
        connection.execute(text("DELETE FROM lease WHERE name = 'none'"))


def test_a_writer_names_the_process_that_writes(store: Store) -> None:
    other = Other(WRITE, str(store.engine.url.database))
    wait = told_while(lambda: write_once(store), other.release, "writes to the database")
    assert f"(process {other.process.pid}: " in wait.what
    assert "end that process" in wait.way_out


def test_a_lease_names_the_process_that_holds_it(any_store: Store) -> None:
    other = Other(HOLD_LEASE, any_store.engine.url.render_as_string(hide_password=False))

    def work() -> None:
        with hold(any_store, "train:1", "trains the same recipe"):
            pass

    wait = told_while(work, other.release, "another process that trains the same recipe")
    assert f"(process {other.process.pid}: " in wait.what
    assert "Ctrl-C" in wait.way_out


def test_claims_of_another_process_name_it(tmp_path: Path) -> None:
    with serving() as url:
        settings = settings_for(tmp_path, url)
        store = filled_store(settings, 3)
        other = Other(CLAIM, settings.store_url)

        async def label() -> None:
            async with open_labeller("openai", settings) as labeller:
                await label_missing(store, labeller, labelling_config_of("openai", settings), settings)

        wait = told_while(lambda: asyncio.run(label()), other.release, "labels with the same model and prompt")
        assert f"3 held by process {other.process.pid}" in wait.what
        assert states(store) == {("done", None): 3}


def test_a_migration_of_another_session_is_named(empty_postgres_url: str) -> None:
    other = psycopg.connect(empty_postgres_url.replace("+psycopg", ""), application_name="feedback elsewhere")
    other.execute("SELECT pg_advisory_lock(7365014)")
    session, store = other.info.backend_pid, connect(empty_postgres_url)
    wait = told_while(lambda: bring_up_to_date(store.read, store.write), other.close, "another session of PostgreSQL")
    assert wait.what.endswith(f"(session {session}: feedback elsewhere)")
    store.close()


def test_a_reader_of_a_locked_table_is_told(postgres_url: str) -> None:
    store = open_store(postgres_url)
    other = connect(postgres_url).engine.connect()
    other.execute(text("LOCK TABLE lease IN ACCESS EXCLUSIVE MODE"))

    def work() -> None:
        with store.read() as connection:
            connection.execute(text("SELECT COUNT(*) FROM lease"))

    wait = told_while(work, other.close, "another session of PostgreSQL")
    assert f"process {os.getpid()}" in wait.what, "sessions of ours say which process they are"
    other.engine.dispose()
    store.close()


def test_a_database_that_does_not_answer_is_told() -> None:
    silent = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        with pytest.raises(StoreError):
            open_store(f"postgresql+psycopg://127.0.0.1:{silent.getsockname()[1]}/feedback")

    wait = told_while(work, silent.close, "PostgreSQL to answer")
    assert "FEEDBACK_DATABASE_URL" in wait.way_out


def test_a_server_that_is_away_is_waited_for() -> None:
    port, servers = free_port(), list[HTTPServer]()

    def start() -> None:
        servers.append(HTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler))  # answers 501, which is an answer
        threading.Thread(target=servers[0].handle_request).start()

    wait = told_while(lambda: wait_for_answer(f"http://127.0.0.1:{port}/api"), start, f"at http://127.0.0.1:{port}/api")
    servers[0].server_close()
    assert "unset PREFECT_API_URL" in wait.way_out


def test_a_command_says_it_on_the_terminal(store: Store, settings: Settings, tmp_path: Path) -> None:
    write_demo_input(tmp_path / "landed.jsonl", 5, 1)
    other = Other(WRITE, str(store.engine.url.database))
    command = [sys.executable, "-m", "deployments.cli.app", "land", str(tmp_path / "landed.jsonl")]
    with subprocess.Popen(command, env=clean_environment(settings.home), stderr=subprocess.PIPE, text=True) as land:
        assert land.stderr is not None
        line = next(line for line in land.stderr if line.startswith("waiting for"))
        other.release()
        land.communicate()
    assert line.startswith(f"waiting for another process that writes to the database (process {other.process.pid}: ")
    assert land.returncode == 0


def test_ctrl_c_is_heard_while_another_writes(store: Store, settings: Settings, tmp_path: Path) -> None:
    write_demo_input(tmp_path / "landed.jsonl", 5, 1)
    other = Other(WRITE, str(store.engine.url.database))
    command = [sys.executable, "-m", "deployments.cli.app", "land", str(tmp_path / "landed.jsonl")]
    with subprocess.Popen(command, env=clean_environment(settings.home), stderr=subprocess.PIPE, text=True) as land:
        assert land.stderr is not None
        next(line for line in land.stderr if line.startswith("waiting for"))
        land.send_signal(signal.SIGINT)
        assert "once more to end at once" in next(line for line in land.stderr if "stopping" in line)
        other.release()
        land.communicate()
    assert land.returncode == 130


def test_a_process_is_named_by_what_it_runs() -> None:
    other = Other("keep()", "rest")
    assert describe_process(other.process.pid).startswith(f"process {other.process.pid}: -c import sys def keep()")
    other.release()
