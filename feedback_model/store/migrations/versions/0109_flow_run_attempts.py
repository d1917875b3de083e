"""Which process executes a flow run, so that a later one takes it over."""

import sqlalchemy as sa
from alembic import op

revision = "0109"
down_revision = "0108"


def upgrade() -> None:
    """Move up from 0108."""
    op.create_table(
        "flow_run_attempt",
        sa.Column("flow_run_id", sa.Text(), primary_key=True),
        sa.Column("attempt", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("began_at", sa.Text(), nullable=False),
        sa.Column("superseded_at", sa.Text()),
        comment="Processes that executed a flow run, one after the other: the latest alone may write.",
    )


def downgrade() -> None:
    """Move back to 0108."""
    op.drop_table("flow_run_attempt")
