"""Alembic's environment: migrations run on the connection, and in the transaction, that is handed in."""

from alembic import context

from feedback_model.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
