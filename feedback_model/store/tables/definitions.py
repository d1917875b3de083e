"""The one MetaData, how its constraints are named, and leases, which belong to no stage."""

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, Table, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers only INTEGER PRIMARY KEY columns by itself.
Serial = BigInteger().with_variant(Integer, "sqlite")

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),  # as `owners` writes it
    Column("expires_at", Float, nullable=False),  # seconds since the epoch by the database's clock; renewed
    Column("token", Text),  # of one acquisition, which its holder's writes must find here; NULL of a member of a group
    comment="Who is at work on what; a dead owner's lease is free at once on its host, elsewhere when it expires.",
)

flow_run_attempt = Table(
    "flow_run_attempt",
    metadata,
    Column("flow_run_id", Text, primary_key=True),  # of Prefect, of a run that a worker started
    Column("attempt", Integer, primary_key=True, autoincrement=False),  # from 1, in the order in which they began
    Column("owner", Text, nullable=False),  # its process, as `owners` writes it
    Column("began_at", Text, nullable=False),
    Column("superseded_at", Text),  # when a later attempt took the run over; NULL of the latest
    comment="Processes that executed a flow run, one after the other: the latest alone may write.",
)
