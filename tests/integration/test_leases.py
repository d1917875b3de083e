"""Leases, alike on both databases: who has one, when it is over, and that nothing is written by who lost it."""

import subprocess
import sys
import time

import pytest
from sqlalchemy import select, update

from feedback_model.errors import StoreError
from feedback_model.store import locks
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import read_clock
from feedback_model.store.connection import Store
from feedback_model.store.locks import acquire, heartbeat, hold, holder
from feedback_model.store.owners import process_owner
from feedback_model.store.tables import lease
from tests.owners import owner_elsewhere, owner_that_ended

NAME = "train:run-1"


def give(store: Store, owner: str, seconds: float) -> None:
    """Give the lease to another process, for so long from now by the database's clock."""
    with store.write() as connection:
        expires_at = read_clock(connection).timestamp() + seconds
        row = {"name": NAME, "owner": owner, "token": "theirs", "expires_at": expires_at}
        if not insert_missing(connection, lease, [row]):
            connection.execute(update(lease).where(lease.c.name == NAME).values(row))


def tokens(store: Store) -> list[str | None]:
    with store.read() as connection:
        return list(connection.execute(select(lease.c.token)).scalars())


def test_containers_of_one_host_name_are_two(any_store: Store) -> None:
    """The same host name, process id and start in another container is another process."""
    give(any_store, owner_elsewhere(), 60)
    assert acquire(any_store, NAME) is None
    assert holder(any_store, NAME) == owner_elsewhere()


CONTAINER = ["unshare", "--pid", "--fork", "--mount-proc"]
IN_ITS_OWN = """
import sys
from feedback_model.store.connection import connect
from feedback_model.store.locks import acquire
print(acquire(connect(sys.argv[1]), "train:run-1") is not None, flush=True)
sys.stdin.read()
"""


def test_two_real_containers_hold_no_lease_together(any_store: Store) -> None:
    """Both are process 1 of the same host name."""
    if subprocess.run([*CONTAINER, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make process namespaces (unshare)")
    url = any_store.engine.url.render_as_string(hide_password=False)
    command = [*CONTAINER, sys.executable, "-c", IN_ITS_OWN, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first, subprocess.Popen(command, **pipes) as second:
        assert sorted(each.stdout.readline() for each in (first, second)) == ["False\n", "True\n"]
        for each in (first, second):
            each.communicate()


def test_hosts_clock_does_not_end_a_lease(any_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    give(any_store, owner_elsewhere(), 60)
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 100)
    assert acquire(any_store, NAME) is None


def test_silent_owner_elsewhere_is_followed(any_store: Store) -> None:
    give(any_store, owner_elsewhere(), -1)
    assert acquire(any_store, NAME)
    assert holder(any_store, NAME) == process_owner()


def test_owner_that_ended_here_is_followed(any_store: Store) -> None:
    give(any_store, owner_that_ended(), 60)
    assert acquire(any_store, NAME)


def test_one_process_holds_a_lease_once(any_store: Store) -> None:
    with hold(any_store, NAME, "trains"):
        assert acquire(any_store, NAME) is None
    assert acquire(any_store, NAME)


def test_who_lost_a_lease_writes_nothing(any_store: Store) -> None:
    with hold(any_store, NAME, "trains") as held:
        with held.write() as connection:
            insert_missing(connection, lease, [{"name": "kept", "owner": "me", "expires_at": 1.5}])
        give(any_store, owner_elsewhere(), 60)
        lost = pytest.raises(StoreError, match=f"took {NAME} over after 90 s .* run the same command again")
        with lost, held.write() as connection:
            insert_missing(connection, lease, [{"name": "lost", "owner": "me", "expires_at": 1.5}])
    assert sorted(map(str, tokens(any_store))) == ["None", "theirs"], "nor does it end the other's lease"


def test_each_acquisition_has_its_own_token(any_store: Store) -> None:
    with hold(any_store, NAME, "trains"):
        (first,) = tokens(any_store)
    assert tokens(any_store) == []
    with hold(any_store, NAME, "trains"):
        assert tokens(any_store) != [first]


def test_members_elsewhere_count_until_silent(any_store: Store) -> None:
    with any_store.write() as connection:
        for name, seconds in (("group/a", 5), ("group/b", -1)):
            until = read_clock(connection).timestamp() + seconds
            insert_missing(connection, lease, [{"name": name, "owner": owner_elsewhere(), "expires_at": until}])
    assert heartbeat(any_store, "group") == 1
    locks.deregister(any_store, "group")
    assert holder(any_store, f"group/{process_owner()}") is None
