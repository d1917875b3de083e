"""Owners of leases and claims that are other processes."""

from feedback_model.store.owners import process_owner


def owner_that_ended() -> str:
    """A process of this very host that is no more."""
    host, _, life = process_owner().rsplit(":", 2)
    return f"{host}:999999999:{life}"


def owner_elsewhere() -> str:
    """A process with our host name, id and start in another container of the same system."""
    host, pid, life = process_owner().rsplit(":", 2)
    boot, _, start, _ = life.split("/")
    return f"{host}:{pid}:{boot}/1/{start}/0123456789abcdef"
