"""Evaluations keep the noise floor of their labels, and intervals of the means over traits and of validity."""

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


def upgrade() -> None:
    """Add the ends of the intervals, NULL in what was measured before, and the table of floors."""
    for name in ENDS:
        op.add_column("evaluation_model", sa.Column(name, sa.Float()))
    op.create_table(
        "evaluation_noise_floor",
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("trait", sa.Text(), nullable=False),
        sa.Column("floor", sa.Float(), nullable=False),
        sa.Column("ci_low", sa.Float(), nullable=True),
        sa.Column("ci_high", sa.Float(), nullable=True),
        sa.Column("n_used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.evaluation_id"], name=op.f("fk_evaluation_noise_floor_evaluation_id")
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "trait", name=op.f("pk_evaluation_noise_floor")),
        comment="Variance of the labeller's noise, from transcripts labelled more than once: no MSE can be lower.",
    )


def downgrade() -> None:
    """Take them away; `feedback evaluate --again` brings them back after the next upgrade."""
    op.drop_table("evaluation_noise_floor")
    for name in reversed(ENDS):
        op.drop_column("evaluation_model", name)
