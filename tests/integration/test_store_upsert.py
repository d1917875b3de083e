"""Bulk writes may be repeated."""

from sqlalchemy import func, select

from feedback_model.store.bulk import COPY_FROM, insert_missing, upsert
from feedback_model.store.connection import Store
from feedback_model.store.tables import lease


def leases(count: int, owner: str = "first") -> list[dict[str, object]]:
    return [{"name": f"n{number}", "owner": owner, "expires_at": 1.5} for number in range(count)]


def owners(store: Store) -> dict[str, int]:
    with store.read() as connection:
        rows = connection.execute(select(lease.c.owner, func.count()).group_by(lease.c.owner)).tuples()
        return dict(rows.all())


def test_rows_that_stand_are_left_alone(any_store: Store) -> None:
    with any_store.write() as connection:
        assert insert_missing(connection, lease, leases(2)) == 2
        assert insert_missing(connection, lease, leases(3, "second")) == 1
    assert owners(any_store) == {"first": 2, "second": 1}


def test_a_great_many_rows_go_the_same_way(any_store: Store) -> None:
    with any_store.write() as connection:
        assert insert_missing(connection, lease, leases(5)) == 5
        assert insert_missing(connection, lease, leases(COPY_FROM, "second")) == COPY_FROM - 5
        assert insert_missing(connection, lease, leases(COPY_FROM, "third")) == 0
    assert owners(any_store) == {"first": 5, "second": COPY_FROM - 5}


def test_upsert_overwrites_what_is_no_key(any_store: Store) -> None:
    with any_store.write() as connection:
        upsert(connection, lease, leases(2), ["name"])
        upsert(connection, lease, leases(3, "second"), ["name"])
    assert owners(any_store) == {"second": 3}


def test_nothing_to_write_is_fine(any_store: Store) -> None:
    with any_store.write() as connection:
        assert insert_missing(connection, lease, []) == upsert(connection, lease, [], ["name"]) == 0


def test_a_failed_transaction_leaves_nothing(any_store: Store) -> None:
    try:
        with any_store.write() as connection:
            insert_missing(connection, lease, leases(2))
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert owners(any_store) == {}
