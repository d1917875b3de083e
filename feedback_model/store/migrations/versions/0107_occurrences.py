"""Where transcripts occurred and who speaks in them; tombstones of those that were forgotten."""

import sqlalchemy as sa
from alembic import op

from feedback_model.store.migrations.checks import change_check

revision = "0107"
down_revision = "0106"

ORIGIN_BEFORE, ORIGIN_SINCE = "origin IN ('real','augmented')", "origin IN ('real','augmented','forgotten')"
SPLIT_BEFORE, SPLIT_SINCE = "origin = 'real' OR split = 'train'", "origin <> 'augmented' OR split = 'train'"


def upgrade() -> None:
    """Move up from 0106; where transcripts of before occurred is known when they are landed again."""
    op.add_column("transcript", sa.Column("forgotten_at", sa.Text()))
    change_check("transcript", "origin", ORIGIN_BEFORE, ORIGIN_SINCE)
    change_check("transcript", "augmented_is_train", SPLIT_BEFORE, SPLIT_SINCE)
    op.create_table(
        "occurrence",
        sa.Column("occurrence_id", sa.Text(), primary_key=True),
        sa.Column("transcript_id", sa.Text(), sa.ForeignKey("transcript.transcript_id"), nullable=False, index=True),
        sa.Column("document", sa.Text(), nullable=False, index=True),
        sa.Column("record_id", sa.Text()),
        sa.Column("locator", sa.Text(), nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("start_seconds", sa.Float()),
        sa.Column("end_seconds", sa.Float()),
        sa.Column("language", sa.Text()),
        sa.Column("landed_at", sa.Text(), nullable=False),
        comment="A place where a transcript's text was found.",
    )
    op.create_table(
        "occurrence_speaker",
        sa.Column("occurrence_id", sa.Text(), sa.ForeignKey("occurrence.occurrence_id"), primary_key=True),
        sa.Column("place", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("speaker", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), index=True),
        comment="Whose words a transcript holds.",
    )
    for name in ("speakers", "document", "record_id"):
        op.add_column("reject", sa.Column(name, sa.Text()))


def downgrade() -> None:
    """Move back to 0106; tombstones become real transcripts without a word."""
    for name in ("record_id", "document", "speakers"):
        op.drop_column("reject", name)
    op.drop_table("occurrence_speaker")
    op.drop_table("occurrence")
    op.execute("UPDATE transcript SET origin = 'real' WHERE origin = 'forgotten'")
    change_check("transcript", "augmented_is_train", SPLIT_SINCE, SPLIT_BEFORE)
    change_check("transcript", "origin", ORIGIN_SINCE, ORIGIN_BEFORE)
    op.drop_column("transcript", "forgotten_at")
