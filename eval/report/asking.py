"""The report's questions: the `.sql` files in `queries/`, and the answers with the SQL that gave them."""

import re
from dataclasses import dataclass
from importlib.resources import files

from feedback_model.store.connection import Store
from feedback_model.store.reading import Row, select_rows


@dataclass(frozen=True, slots=True)
class Answer:
    """What the database said, and to what."""

    rows: list[Row]
    sql: str
    """With the values filled in, so that a reader may paste it."""


def ask(store: Store, question: str, **values: str | None) -> Answer:
    """Answer the question of `queries/<question>.sql`."""
    sql = files("eval.report").joinpath("queries", f"{question}.sql").read_text(encoding="utf-8").strip()
    used = {name: value for name, value in values.items() if re.search(rf":{name}\b", sql)}
    return Answer(select_rows(store, sql, **used), _filled_in(sql, used))


def _filled_in(sql: str, values: dict[str, str | None]) -> str:
    for name, value in values.items():
        literal = "NULL" if value is None else "'" + value.replace("'", "''") + "'"
        sql = re.sub(rf":{name}\b", lambda _, literal=literal: literal, sql)
    return sql
