"""What the endpoint said of a request that it would refuse again."""

import sqlalchemy as sa
from alembic import op

revision = "0110"
down_revision = "0109"


def upgrade() -> None:
    """Move up from 0109; what was said before is not known."""
    op.add_column("label_request", sa.Column("detail", sa.Text()))


def downgrade() -> None:
    """Move back to 0109."""
    op.drop_column("label_request", "detail")
