"""An owner says which process it is, for this host to look at and for people to read."""

import os
import socket

from feedback_model.store.owners import describe_owner, is_alive, process_owner
from tests.owners import owner_elsewhere, owner_that_ended


def test_this_process_lives_and_one_that_ended_does_not() -> None:
    assert is_alive(process_owner()) is True
    assert is_alive(owner_that_ended()) is False


def test_other_containers_and_boots_cannot_be_seen() -> None:
    boot = process_owner().split(":")[2].split("/")[0]
    for unseen in (owner_elsewhere(), process_owner().replace(boot, "another-boot"), "host:7:123", "a person"):
        assert is_alive(unseen) is None


def test_process_id_used_again_is_another_owner() -> None:
    host, _, life = process_owner().rsplit(":", 2)
    assert is_alive(f"{host}:1:{life}") is False


def test_people_read_which_process_it_is() -> None:
    assert describe_owner(process_owner()).startswith(f"process {os.getpid()}: ")
    assert describe_owner(owner_elsewhere()) == f"process {os.getpid()} on {socket.gethostname()}"
