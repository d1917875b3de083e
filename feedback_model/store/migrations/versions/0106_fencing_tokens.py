"""A token of each acquisition of a lease, which its holder's writes must find."""

import sqlalchemy as sa
from alembic import op

revision = "0106"
down_revision = "0105"


def upgrade() -> None:
    """Move up from 0105; whoever holds a lease now holds one without a token until it is released or expires."""
    op.add_column("lease", sa.Column("token", sa.Text()))


def downgrade() -> None:
    """Move back to 0105."""
    op.drop_column("lease", "token")
