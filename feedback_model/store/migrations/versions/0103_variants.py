"""Variants: models whose weights an export or an engine holds in another form."""

import sqlalchemy as sa
from alembic import op

revision = "0103"
down_revision = "0102"


def upgrade() -> None:
    """Move up from 0102."""
    op.add_column("model_version", sa.Column("variant", sa.Text()))
    op.add_column("model_version", sa.Column("weights_sha", sa.Text()))


def downgrade() -> None:
    """Move back to 0102."""
    with op.batch_alter_table("model_version") as table:
        table.drop_column("weights_sha")
        table.drop_column("variant")
