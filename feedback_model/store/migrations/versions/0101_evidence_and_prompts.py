"""The evidence of label scores, and the text of each prompt version that was used."""

import sqlalchemy as sa
from alembic import op

revision = "0101"
down_revision = "0100"


def upgrade() -> None:
    """Move up from 0100."""
    op.add_column("label_score", sa.Column("evidence", sa.Text()))
    op.add_column("label_score", sa.Column("evidence_found", sa.Boolean()))
    op.create_table(
        "prompt",
        sa.Column("prompt_version", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_used_at", sa.Text(), nullable=False),
        comment="Each version of a prompt that was used, with its text.",
    )


def downgrade() -> None:
    """Move back to 0100."""
    op.drop_table("prompt")
    with op.batch_alter_table("label_score") as table:
        table.drop_column("evidence_found")
        table.drop_column("evidence")
