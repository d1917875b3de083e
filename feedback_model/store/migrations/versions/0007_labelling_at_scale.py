"""Real transcripts can be gone through in the order of their ids; a batch says which endpoint it was handed to."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index that finding what was never asked about merges with what was; batches so far keep no endpoint."""
    op.create_index("ix_transcript_origin", "transcript", ["origin", "transcript_id"])
    op.add_column("batch_job", sa.Column("endpoint", sa.Text()))


def downgrade() -> None:
    """Take both away."""
    op.drop_column("batch_job", "endpoint")
    op.drop_index("ix_transcript_origin", table_name="transcript")
