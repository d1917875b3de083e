"""Further metrics, comparisons of models, and tiers; evaluations made before have none until they are made again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
TABLES = ("evaluation_comparison", "evaluation_metric", "evaluation_tier")


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "evaluation_metric",
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("trait", sa.Text(), nullable=False),
        sa.Column("subset", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("n_used", sa.Integer(), nullable=False),
        sa.Column("n_total", sa.Integer(), nullable=False),
        sa.Column("n_missing", sa.Integer(), nullable=False),
        sa.CheckConstraint("subset IN ('common','individual')", name=op.f("ck_evaluation_metric_subset")),
        sa.CheckConstraint(
            "metric IN ('mae','bias','qwk','spearman','within_one','mse_macro')",
            name=op.f("ck_evaluation_metric_metric"),
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "model"],
            ["evaluation_model.evaluation_id", "evaluation_model.model"],
            name="fk_evaluation_metric_model",
        ),
        sa.PrimaryKeyConstraint(
            "evaluation_id", "model", "trait", "subset", "metric", name=op.f("pk_evaluation_metric")
        ),
        comment="One further metric of one model on one trait over one subset.",
    )
    op.create_table(
        "evaluation_comparison",
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("other", sa.Text(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("difference", sa.Float(), nullable=True),
        sa.Column("ci_low", sa.Float(), nullable=True),
        sa.Column("ci_high", sa.Float(), nullable=True),
        sa.Column("p_value", sa.Float(), nullable=True),
        sa.Column("p_adjusted", sa.Float(), nullable=True),
        sa.Column("distinguishable", sa.Boolean(), nullable=False),
        sa.Column("bound_low", sa.Float(), nullable=True),
        sa.Column("bound_high", sa.Float(), nullable=True),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("p_non_inferior", sa.Float(), nullable=True),
        sa.Column("n_used", sa.Integer(), nullable=False),
        sa.Column("n_total", sa.Integer(), nullable=False),
        sa.Column("n_missing", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "measure IN ('penalised','common','validity')", name=op.f("ck_evaluation_comparison_measure")
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "model"],
            ["evaluation_model.evaluation_id", "evaluation_model.model"],
            name="fk_evaluation_comparison_model",
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "other"],
            ["evaluation_model.evaluation_id", "evaluation_model.model"],
            name="fk_evaluation_comparison_other",
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "model", "other", "measure", name=op.f("pk_evaluation_comparison")),
        comment="Two models of one evaluation against each other, on the same transcripts; each pair once.",
    )
    op.create_table(
        "evaluation_tier",
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "model"],
            ["evaluation_model.evaluation_id", "evaluation_model.model"],
            name="fk_evaluation_tier_model",
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "model", name=op.f("pk_evaluation_tier")),
        comment="Models of different tiers are distinguishable by penalised MSE; 1 is best.",
    )


def downgrade() -> None:
    """Drop the three tables."""
    for name in TABLES:
        op.drop_table(name)
