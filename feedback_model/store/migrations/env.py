"""How Alembic reaches the database: through the connection, and in the transaction, that it is handed."""

from alembic import context

from feedback_model.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
