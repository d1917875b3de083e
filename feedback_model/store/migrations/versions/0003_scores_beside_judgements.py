"""Predicted scores stand beside the judgement that let them through, six columns in place of six rows.

Also makes the checks that the tables were always defined with, and that the first migration had left out.
"""

from contextlib import AbstractContextManager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
TRAITS = ("formality", "persuasiveness", "enthusiasm", "empathy", "filler_words", "transition_logic")
ALL_SCORES = " + ".join(TRAITS)
LEFT_OUT = {
    "augmentation": {"outcome": "outcome IN ('pending','accepted','missed_target','near_duplicate','unusable')"},
    "decision": {"verdict": "verdict IN ('promote','hold','inconclusive')"},
    "evaluation_trait": {"subset": "subset IN ('common','individual','penalised')"},
    "inference": {"decoding": "decoding IN ('free','template','expected')"},
    "label_score": {"score": "score BETWEEN 1 AND 10"},
    "output": {"finish": "finish_reason IN ('stop','length')"},
    "promotion": {"promoted": "verdict = 'promote'"},
    "request": {
        "purpose": "purpose IN ('label','rewrite','relabel')",
        "state": "state IN ('wanted','claimed','answered','done','failed')",
    },
    "training_run": {"state": "state IN ('running','finished')"},
    "transcript": {
        "split": "split IN ('train','validation','test')",
        "origin": "origin IN ('real','augmented')",
    },
}
OF_JUDGEMENTS = {
    "tier": "tier IN ('strict','extractable','repairable','none')",
    "scores": f"(tier = 'strict') = ({ALL_SCORES} IS NOT NULL) "
    f"AND (tier = 'strict' OR COALESCE({', '.join(TRAITS)}) IS NULL)",
    "scale": " AND ".join(f"{trait} BETWEEN 1 AND 10" for trait in TRAITS),
}
SAME_OUTPUT = (
    "predicted_score.validator = judgement.validator AND predicted_score.inference_id = judgement.inference_id "
    "AND predicted_score.transcript_id = judgement.transcript_id"
)


def upgrade() -> None:
    """Move the scores; a judgement that lacks some is dropped, and its output judged again by the next evaluation."""
    _move_scores()
    _reorder_key("inference_id", "transcript_id", "validator")  # what removes an output looks here by its key
    for table, checks in LEFT_OUT.items():
        _add_checks(table, checks)
    _add_checks("judgement", OF_JUDGEMENTS, without_rowid=True)
    _add_checks("evaluation_item", {}, without_rowid=True)


def _move_scores() -> None:
    for trait in TRAITS:
        op.add_column("judgement", sa.Column(trait, sa.Float()))
    scores = ", ".join(
        f"{trait} = (SELECT score FROM predicted_score WHERE {SAME_OUTPUT} AND trait = '{trait}')"  # noqa: S608 - names above
        for trait in TRAITS
    )
    op.execute(f"UPDATE judgement SET {scores} WHERE tier = 'strict'")  # noqa: S608 - names above
    op.drop_table("predicted_score")
    op.execute(f"DELETE FROM judgement WHERE tier = 'strict' AND {ALL_SCORES} IS NULL")  # noqa: S608 - names above


def _reorder_key(*columns: str) -> None:
    with op.batch_alter_table("judgement") as batch:
        batch.drop_constraint(op.f("pk_judgement"), type_="primary")
        batch.create_primary_key(op.f("pk_judgement"), list(columns))


def _add_checks(table: str, checks: dict[str, str], *, without_rowid: bool = False) -> None:
    with _altered(table, again=without_rowid, sqlite_with_rowid=not without_rowid) as batch:
        for name, condition in checks.items():
            batch.create_check_constraint(op.f(f"ck_{table}_{name}"), condition)


def _altered(table: str, *, again: bool, **options: bool) -> AbstractContextManager[BatchOperations]:
    """Alter `table`; `again` makes SQLite store it anew even where nothing else changes."""
    on_sqlite = op.get_context().dialect.name == "sqlite"
    return op.batch_alter_table(table, recreate="always" if again and on_sqlite else "auto", table_kwargs=options)


def downgrade() -> None:
    """Give every score its row again, and leave the checks out as before."""
    _reorder_key("validator", "inference_id", "transcript_id")
    op.create_table(
        "predicted_score",
        sa.Column("validator", sa.Text(), nullable=False),
        sa.Column("inference_id", sa.Text(), nullable=False),
        sa.Column("transcript_id", sa.Text(), nullable=False),
        sa.Column("trait", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["validator", "inference_id", "transcript_id"],
            ["judgement.validator", "judgement.inference_id", "judgement.transcript_id"],
            name="fk_predicted_score_judgement",
        ),
        sa.PrimaryKeyConstraint("validator", "inference_id", "transcript_id", "trait", name=op.f("pk_predicted_score")),
        comment="One score of a strictly valid output.",
    )
    for trait in TRAITS:
        op.execute(
            "INSERT INTO predicted_score (validator, inference_id, transcript_id, trait, score) "  # noqa: S608 - names above
            f"SELECT validator, inference_id, transcript_id, '{trait}', {trait} FROM judgement WHERE tier = 'strict'"
        )
    for table, checks in {**LEFT_OUT, "judgement": OF_JUDGEMENTS}.items():
        with op.batch_alter_table(table) as batch:
            for name in checks:
                batch.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
            for trait in TRAITS if table == "judgement" else ():
                batch.drop_column(trait)
    with _altered("evaluation_item", again=True):
        pass
