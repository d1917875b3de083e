"""Score distributions beside outputs, and judgements of outputs that are scores without any text."""

import sqlalchemy as sa
from alembic import op

from feedback_model.store.migrations.checks import change_check

revision = "0104"
down_revision = "0103"

TRAITS = ("formality", "persuasiveness", "enthusiasm", "empathy", "filler_words", "transition_logic")
ALL = " + ".join(TRAITS)
ANY = f"COALESCE({', '.join(TRAITS)})"
SCORES_BEFORE = f"(tier = 'strict') = ({ALL} IS NOT NULL) AND (tier = 'strict' OR {ANY} IS NULL)"
SCORES_SINCE = f"(tier <> 'strict' OR {ALL} IS NOT NULL) AND (tier IN ('strict', 'none') OR {ANY} IS NULL)"

DECODING_BEFORE = "decoding IN ('free','template','expected')"
DECODING_SINCE = "decoding IN ('free','template','direct')"


def upgrade() -> None:
    """Move up from 0103."""
    op.create_table(
        "score_distribution",
        sa.Column("inference_id", sa.Text(), primary_key=True),
        sa.Column("transcript_id", sa.Text(), primary_key=True),
        sa.Column("trait", sa.Text(), primary_key=True),
        *(sa.Column(f"p_{score}", sa.Float(), nullable=False) for score in range(1, 11)),
        sa.ForeignKeyConstraint(
            ["inference_id", "transcript_id"],
            ["output.inference_id", "output.transcript_id"],
            name="fk_score_distribution_output",
        ),
        comment="How likely a model held each score, where its way of decoding reads that.",
    )
    change_check("inference", "decoding", DECODING_BEFORE, DECODING_SINCE)
    change_check("judgement", "scores", SCORES_BEFORE, SCORES_SINCE)


def downgrade() -> None:
    """Move back to 0103; what was asked directly goes."""
    asked = "SELECT inference_id FROM inference WHERE decoding = 'direct'"
    for table in ("judgement", "score_distribution", "output"):
        op.execute(f"DELETE FROM {table} WHERE inference_id IN ({asked})")  # noqa: S608 - names of ours
    op.execute("DELETE FROM inference WHERE decoding = 'direct'")
    change_check("judgement", "scores", SCORES_SINCE, SCORES_BEFORE)
    change_check("inference", "decoding", DECODING_SINCE, DECODING_BEFORE)
    op.drop_table("score_distribution")
