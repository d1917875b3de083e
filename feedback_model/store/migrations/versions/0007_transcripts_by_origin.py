"""Real transcripts can be gone through in the order of their ids without reading their texts."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index that finding what was never asked about merges with what was."""
    op.create_index("ix_transcript_origin", "transcript", ["origin", "transcript_id"])


def downgrade() -> None:
    """Take it away."""
    op.drop_index("ix_transcript_origin", table_name="transcript")
