"""Rows for readers: one query, named values, plain dictionaries back. What is asked stands in `.sql` files elsewhere."""

from typing import Any

from sqlalchemy import text

from feedback_model.store.connection import Store

Row = dict[str, Any]


def select_rows(store: Store, sql: str, **values: str | None) -> list[Row]:
    """The rows of `sql`, with its `:name` placeholders bound to `values`.

    Raises:
        StoreError: the database could not answer.
    """
    with store.read() as connection:
        return [dict(row) for row in connection.execute(text(sql), values).mappings()]
