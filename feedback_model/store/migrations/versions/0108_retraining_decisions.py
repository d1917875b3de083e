"""Why what has landed was trained on, or waits."""

import sqlalchemy as sa
from alembic import op

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers only INTEGER keys by itself
revision = "0108"
down_revision = "0107"


def upgrade() -> None:
    """Move up from 0107."""
    op.create_table(
        "retraining_decision",
        sa.Column("decision_number", SERIAL, primary_key=True),
        sa.Column("decided_at", sa.Text(), nullable=False, index=True),
        sa.Column(
            "verdict", sa.Text(), sa.CheckConstraint("verdict IN ('retrain','wait')", name="verdict"), nullable=False
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("n_new", sa.Integer(), nullable=False),
        sa.Column("n_batches", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        comment="Whether what had landed was trained on, and why not.",
    )


def downgrade() -> None:
    """Move back to 0107."""
    op.drop_table("retraining_decision")
