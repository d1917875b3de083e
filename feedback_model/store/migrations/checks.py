"""Change of a check constraint without writing its table anew."""

from alembic import op


def change_check(table: str, name: str, before: str, after: str) -> None:
    """Replace the condition of a check, which must stand in the table as `before` says.

    Raises:
        RuntimeError: it does not.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(f"ck_{table}_{name}", table)
        op.create_check_constraint(name, table, after)
        return
    # SQLite keeps the statement that made a table. To change a check alone, its authors say to edit that (sqlite.org/
    # lang_altertable.html, section 7): a table of ten million rows is not written anew, and what refers to it stays.
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ? AND instr(sql, ?) > 0",
        (before, after, table, before),
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
    if changed.rowcount != 1:
        raise RuntimeError(f"the check {name} of the table {table} is not as it was made")
