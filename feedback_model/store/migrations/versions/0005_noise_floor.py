"""Evaluations keep the noise floor of their labels, more intervals, the worst trait, and pairs compared on each trait."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
ENDS = tuple(
    f"{figure}_{end}"
    for figure in ("mse_common", "mse_individual", "mse_penalised", "validity")
    for end in ("low", "high")
)
KEY = ("evaluation_id", "model", "other", "measure", "trait")


def upgrade() -> None:
    """Add columns, NULL in what was measured before, and the tables of floors and of comparisons by trait."""
    for name in ENDS:
        op.add_column("evaluation_model", sa.Column(name, sa.Float()))
    op.add_column("evaluation_model", sa.Column("worst_trait", sa.Text()))
    op.add_column("evaluation_model", sa.Column("mse_worst_trait", sa.Float()))
    _create_floors()
    _create_trait_comparisons()


def _create_floors() -> None:
    op.create_table(
        "evaluation_noise_floor",
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("trait", sa.Text(), nullable=False),
        sa.Column("floor", sa.Float(), nullable=False),
        sa.Column("ci_low", sa.Float(), nullable=True),
        sa.Column("ci_high", sa.Float(), nullable=True),
        sa.Column("n_used", sa.Integer(), nullable=False),
        sa.Column("n_total", sa.Integer(), nullable=False),
        sa.Column("n_missing", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.evaluation_id"], name=op.f("fk_evaluation_noise_floor_evaluation_id")
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "trait", name=op.f("pk_evaluation_noise_floor")),
        comment="Variance of the labeller's noise, from transcripts labelled more than once: no MSE can be lower.",
    )


def _create_trait_comparisons() -> None:
    op.create_table(
        "evaluation_trait_comparison",
        *(sa.Column(name, sa.Text(), nullable=False) for name in KEY),
        *(sa.Column(name, sa.Float()) for name in ("difference", "ci_low", "ci_high", "p_value", "p_adjusted")),
        sa.Column("distinguishable", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("n_used", "n_total", "n_missing")),
        sa.CheckConstraint("measure IN ('penalised','common')", name=op.f("ck_evaluation_trait_comparison_measure")),
        *(
            sa.ForeignKeyConstraint(
                ["evaluation_id", role],
                ["evaluation_model.evaluation_id", "evaluation_model.model"],
                name=f"fk_evaluation_trait_comparison_{role}",
            )
            for role in ("model", "other")
        ),
        sa.PrimaryKeyConstraint(*KEY, name=op.f("pk_evaluation_trait_comparison")),
        comment="The same pair of models on one trait.",
    )


def downgrade() -> None:
    """Take them away; `feedback evaluate --again` brings them back after the next upgrade."""
    op.drop_table("evaluation_trait_comparison")
    op.drop_table("evaluation_noise_floor")
    for name in ("mse_worst_trait", "worst_trait", *reversed(ENDS)):
        op.drop_column("evaluation_model", name)
