"""Decisions keep the rules they were made by and the evidence; promotions can be rolled back.

A decision rested on the test evaluation's id before; now it rests on the validation evaluation that decided, and names
the other as the one that reports.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# What stood in the code before rules were kept here; known at the latest when something was first decided by it.
FIRST_RULES = """
INSERT INTO promotion_rules (rules_id, version, rules, fixed_at)
SELECT 'gate-1', 'gate-1', '{"rule": "penalised MSE below the constant predictor''s and the champion''s"}',
       MIN(evaluation.created_at)
FROM decision JOIN evaluation ON evaluation.evaluation_id = decision.evaluation_id
HAVING COUNT(*) > 0
"""
FIRST_DECISIONS = """
UPDATE decision SET
    reported_evaluation_id = evaluation_id,
    rules_number = (SELECT MAX(rules_number) FROM promotion_rules),
    rules_fixed_at = (SELECT MAX(fixed_at) FROM promotion_rules),
    predicted_at = (SELECT created_at FROM evaluation WHERE evaluation.evaluation_id = decision.evaluation_id)
"""
RESTS_ON_VALIDATION = """
UPDATE decision SET evaluation_id = COALESCE(
    (
        SELECT validation.evaluation_id
        FROM evaluation AS validation
        JOIN evaluation AS test ON test.dataset_id = validation.dataset_id AND test.run_id = validation.run_id
            AND test.decoding = validation.decoding
        WHERE test.evaluation_id = decision.reported_evaluation_id AND validation.split = 'validation'
        ORDER BY validation.created_at DESC LIMIT 1
    ),
    evaluation_id
)
"""
ONE_PROMOTION_EACH = """
DELETE FROM promotion WHERE EXISTS (
    SELECT 1 FROM promotion AS later
    WHERE later.decision_id = promotion.decision_id AND later.promotion_id > promotion.promotion_id
)
"""


def upgrade() -> None:
    """Make the tables of rules and evidence; older decisions stand by the first rules, without evidence."""
    _make_rules()
    for name in ("reported_evaluation_id", "champion_id", "rules_fixed_at", "predicted_at"):
        op.add_column("decision", sa.Column(name, sa.Text()))
    op.add_column("decision", sa.Column("rules_number", SERIAL))
    for statement in (FIRST_RULES, FIRST_DECISIONS, RESTS_ON_VALIDATION):
        op.execute(statement)
    with op.batch_alter_table("decision") as table:
        for name in ("rules_fixed_at", "predicted_at"):
            table.alter_column(name, existing_type=sa.Text(), nullable=False)
        table.alter_column("rules_number", existing_type=SERIAL, nullable=False)
        table.create_foreign_key(
            op.f("fk_decision_reported_evaluation_id"), "evaluation", ["reported_evaluation_id"], ["evaluation_id"]
        )
        table.create_foreign_key(op.f("fk_decision_champion_id"), "model_version", ["champion_id"], ["model_id"])
        table.create_foreign_key(
            "fk_decision_rules", "promotion_rules", ["rules_number", "rules_fixed_at"], ["rules_number", "fixed_at"]
        )
        table.create_check_constraint(
            op.f("ck_decision_rules_came_first"), "verdict <> 'promote' OR rules_fixed_at <= predicted_at"
        )
    _open_promotions_to_rollbacks()
    _make_evidence()


def _make_rules() -> None:
    op.create_table(
        "promotion_rules",
        sa.Column("rules_number", SERIAL, nullable=False),
        sa.Column("rules_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("fixed_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rules_number", name=op.f("pk_promotion_rules")),
        sa.UniqueConstraint("rules_number", "fixed_at", name=op.f("uq_promotion_rules_rules_number")),
        comment="What a model must show; only added to, and the newest row is in force.",
    )


def _open_promotions_to_rollbacks() -> None:
    for name in ("kind", "promoted_by", "reason"):
        op.add_column("promotion", sa.Column(name, sa.Text()))
    op.execute("UPDATE promotion SET kind = 'promote', promoted_by = 'gate-1'")
    with op.batch_alter_table("promotion") as table:
        for name in ("kind", "promoted_by"):
            table.alter_column(name, existing_type=sa.Text(), nullable=False)
        table.drop_constraint(op.f("uq_promotion_decision_id"), type_="unique")
        table.create_check_constraint(op.f("ck_promotion_kind"), "kind IN ('promote','rollback')")
        table.create_check_constraint(
            op.f("ck_promotion_rollback_reason"), "kind = 'promote' OR (reason IS NOT NULL AND TRIM(reason) <> '')"
        )
    promoted = sa.text("kind = 'promote'")
    op.create_index(
        "uq_promotion_decision_promoted",
        "promotion",
        ["decision_id"],
        unique=True,
        sqlite_where=promoted,
        postgresql_where=promoted,
    )


def _make_evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("trait", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("figure", sa.Float(), nullable=True),
        sa.Column("ci_low", sa.Float(), nullable=True),
        sa.Column("ci_high", sa.Float(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "rule IN ('preregistered','incumbent','validity','constant','trait')", name=op.f("ck_evidence_rule")
        ),
        sa.CheckConstraint("outcome IN ('pass','fail','unknown')", name=op.f("ck_evidence_outcome")),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.decision_id"], name=op.f("fk_evidence_decision_id")),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.evaluation_id"], name=op.f("fk_evidence_evaluation_id")
        ),
        sa.PrimaryKeyConstraint("decision_id", "place", name=op.f("pk_evidence")),
        comment="What each rule found.",
    )


def downgrade() -> None:
    """Forget rules and evidence; whoever a rollback made champion stays champion, by its newest promotion alone."""
    op.drop_table("evidence")
    op.execute(ONE_PROMOTION_EACH)
    op.drop_index("uq_promotion_decision_promoted", table_name="promotion")
    with op.batch_alter_table("promotion") as table:
        for name in ("rollback_reason", "kind"):
            table.drop_constraint(op.f(f"ck_promotion_{name}"), type_="check")
        for name in ("reason", "promoted_by", "kind"):
            table.drop_column(name)
        table.create_unique_constraint(op.f("uq_promotion_decision_id"), ["decision_id"])
    op.execute("UPDATE decision SET evaluation_id = COALESCE(reported_evaluation_id, evaluation_id)")
    with op.batch_alter_table("decision") as table:
        table.drop_constraint(op.f("ck_decision_rules_came_first"), type_="check")
        for name in ("reported_evaluation_id", "champion_id", "rules"):
            table.drop_constraint(op.f(f"fk_decision_{name}"), type_="foreignkey")
        for name in ("predicted_at", "rules_fixed_at", "rules_number", "champion_id", "reported_evaluation_id"):
            table.drop_column(name)
    op.drop_table("promotion_rules")
