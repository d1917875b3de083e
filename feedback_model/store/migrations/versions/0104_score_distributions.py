"""Score distributions beside outputs, and judgements of outputs that are scores without any text."""

import sqlalchemy as sa
from alembic import op

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
    _change_check("inference", "decoding", DECODING_BEFORE, DECODING_SINCE)
    _change_check("judgement", "scores", SCORES_BEFORE, SCORES_SINCE)


def downgrade() -> None:
    """Move back to 0103; what was asked directly goes."""
    asked = "SELECT inference_id FROM inference WHERE decoding = 'direct'"
    for table in ("judgement", "score_distribution", "output"):
        op.execute(f"DELETE FROM {table} WHERE inference_id IN ({asked})")  # noqa: S608 - names of ours
    op.execute("DELETE FROM inference WHERE decoding = 'direct'")
    _change_check("judgement", "scores", SCORES_SINCE, SCORES_BEFORE)
    _change_check("inference", "decoding", DECODING_SINCE, DECODING_BEFORE)
    op.drop_table("score_distribution")


def _change_check(table: str, name: str, before: str, after: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(f"ck_{table}_{name}", table)
        op.create_check_constraint(name, table, after)
        return
    # SQLite keeps the statement that made a table. To change a check alone, its authors say to edit that (sqlite.org/
    # lang_altertable.html, section 7): a table of ten million rows is not written anew, and what refers to it stays.
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ? AND instr(sql, ?) > 0",
        (before, after, table, before),
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
    if changed.rowcount != 1:
        raise RuntimeError(f"the check {name} of the table {table} is not as it was made")
