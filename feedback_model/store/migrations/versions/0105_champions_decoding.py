"""The way in which a champion is asked, kept with its promotion."""

import sqlalchemy as sa
from alembic import op

revision = "0105"
down_revision = "0104"


def upgrade() -> None:
    """Move up from 0104; whoever was champion before was asked freely."""
    one_of = sa.CheckConstraint("decoding IN ('free','template')", name="decoding")
    op.add_column("promotion", sa.Column("decoding", sa.Text(), one_of, nullable=False, server_default="free"))


def downgrade() -> None:
    """Move back to 0104."""
    op.drop_column("promotion", "decoding")
