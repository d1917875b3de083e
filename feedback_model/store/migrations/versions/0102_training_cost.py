"""What training costs: tokens, seconds and memory of each step, and what a run found out before its first."""

import sqlalchemy as sa
from alembic import op

revision = "0102"
down_revision = "0101"


def upgrade() -> None:
    """Move up from 0101."""
    op.add_column("training_run", sa.Column("longest_answer", sa.Integer()))
    op.add_column("training_run", sa.Column("token_budget", sa.Integer()))
    op.add_column("training_step", sa.Column("n_tokens", sa.Integer()))
    op.add_column("training_step", sa.Column("seconds", sa.Float()))
    op.add_column("training_step", sa.Column("peak_memory", sa.BigInteger()))


def downgrade() -> None:
    """Move back to 0101."""
    with op.batch_alter_table("training_step") as table:
        for column in ("peak_memory", "seconds", "n_tokens"):
            table.drop_column(column)
    with op.batch_alter_table("training_run") as table:
        for column in ("token_budget", "longest_answer"):
            table.drop_column(column)
