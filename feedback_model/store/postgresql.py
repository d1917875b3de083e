"""Sessions of PostgreSQL, straight or through a pooler that gives each transaction another one (PgBouncer's transaction mode).

Nothing may then be left in a session: no prepared statement, and no parameter from the URL's `options`, which a pooler refuses or
forgets. They are set anew in each transaction instead.
"""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import psycopg

_REFUSED: Final = "unsupported startup parameter"  # PgBouncer's words for `options`
_SILENT_SECONDS: Final = (
    90  # that the other side says nothing, until it counts as gone: longer than an outage that retries outlive
)
_PROBE: Final = {"idle": 30, "interval": 10, "count": 6}
VANISHED: Final = {f"keepalives_{name}": value for name, value in _PROBE.items()} | {
    "tcp_user_timeout": 1_000 * _SILENT_SECONDS
}
"""By which libpq finds within `_SILENT_SECONDS` that the server's host is gone; TCP by itself takes two hours."""
_LET_GO: Final = {f"tcp_keepalives_{name}": value for name, value in _PROBE.items()} | {
    "tcp_user_timeout": 1_000 * _SILENT_SECONDS
}


@dataclass(frozen=True, slots=True)
class Session:
    """An open session."""

    connection: "psycopg.Connection[Any]"
    is_pooled: bool
    """Whether its next transaction may run in another session of the server."""
    parameters: dict[str, str]
    """To be set at the beginning of each transaction; empty where the server keeps them."""

    def statement(self) -> str:
        """Return the statement that sets the parameters for one transaction; its values are `parameter_values`."""
        return f"SELECT {', '.join(['set_config(%s, %s, true)'] * len(self.parameters))}"

    def parameter_values(self) -> tuple[str, ...]:
        """Return name and value of each parameter, in a row."""
        return tuple(word for pair in self.parameters.items() for word in pair)


def open_session(**options: Any) -> Session:
    """Connect as `psycopg.connect` does with these options.

    Raises:
        psycopg.Error: the server cannot be reached, or refuses.
    """
    import psycopg

    wanted = options.get("options") or ""
    options = VANISHED | options
    try:
        connection = psycopg.connect(**options)
    except psycopg.OperationalError as error:
        if not wanted or _REFUSED not in str(error):
            raise
        del options["options"]
        connection = psycopg.connect(**options)
    if not _is_pooled(connection):
        _let_go_of_vanished_clients(connection)
        return Session(connection, False, {})
    connection.prepare_threshold = None
    return Session(connection, True, parse_options(wanted))


def _let_go_of_vanished_clients(connection: "psycopg.Connection[Any]") -> None:
    # Else the server keeps the locks of a host that vanished for the same two hours.
    given = (list(_LET_GO), [str(value) for value in _LET_GO.values()])
    connection.execute(
        "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS given(name, value)", given
    )
    connection.commit()


def _is_pooled(connection: "psycopg.Connection[Any]") -> bool:
    # A pooler tells its clients a number of its own making, since the session behind them changes.
    (number,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (None,)
    connection.rollback()
    return number != connection.info.backend_pid


def parse_options(text: str) -> dict[str, str]:
    """Read libpq's `options`, such as `-c search_path=mine --statement_timeout=5s`, as names and values for one transaction."""
    words = shlex.split(text.replace("-c ", "-c"))
    pairs = (word.removeprefix("-c").removeprefix("--").partition("=") for word in words)
    # What is a default for transactions to come has to be said of the transaction itself.
    return {name.replace("default_transaction_", "transaction_"): value for name, _, value in pairs}
