"""Every try is written down before it is sent, budgets have a running total, batches a home, and labels an expected score."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables and columns; what was spent so far is summed up once."""
    _create_jobs()
    _create_sends()
    _create_spending()
    op.add_column("reply", sa.Column("send_id", sa.Text()))
    op.create_index(op.f("ix_reply_send_id"), "reply", ["send_id"])
    op.add_column("label_score", sa.Column("expected_score", sa.Float()))
    op.execute(
        "INSERT INTO spending (label_model, prompt_version, spent_nanos, reserved_nanos, unknown_nanos) "
        "SELECT request.label_model, request.prompt_version, CAST(ROUND(SUM(COALESCE(reply.cost_usd, 0)) * 1e9) AS BIGINT), 0, 0 "
        "FROM reply JOIN request ON request.request_id = reply.request_id "
        "GROUP BY request.label_model, request.prompt_version"
    )


def _create_jobs() -> None:
    op.create_table(
        "batch_job",
        sa.Column("job_id", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("label_model", "prompt_version", "purpose", "created_at")
        ),
        sa.Column("n_requests", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('prepared','submitted','collected','failed')", name=op.f("ck_batch_job_state")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_batch_job")),
        comment="Many requests handed in at once, at half price, through the provider's Batch API.",
    )


def _create_sends() -> None:
    op.create_table(
        "send",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("send_id", "request_id", "sent_at", "owner")),
        sa.Column("reserved_nanos", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('open','answered','refused','unknown','reclaimed')", name=op.f("ck_send_outcome")
        ),
        sa.ForeignKeyConstraint(["request_id"], ["request.request_id"], name=op.f("fk_send_request_id")),
        sa.ForeignKeyConstraint(["job_id"], ["batch_job.job_id"], name=op.f("fk_send_job_id")),
        sa.PrimaryKeyConstraint("send_id", name=op.f("pk_send")),
        comment="One try at a request. Unknown: no reply was seen, though the provider may have billed one.",
    )
    op.create_index(op.f("ix_send_request_id"), "send", ["request_id"])
    op.create_index(op.f("ix_send_job_id"), "send", ["job_id"])
    op.create_index("ix_send_open", "send", ["outcome", "owner"])


def _create_spending() -> None:
    op.create_table(
        "spending",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("label_model", "prompt_version")),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("spent_nanos", "reserved_nanos", "unknown_nanos")
        ),
        sa.PrimaryKeyConstraint("label_model", "prompt_version", name=op.f("pk_spending")),
        comment="What a label set has cost so far, kept by whoever writes sends and replies: budgets are checked against it.",
    )


def downgrade() -> None:
    """Take them away; replies and labels stay."""
    op.drop_column("label_score", "expected_score")
    op.drop_index(op.f("ix_reply_send_id"), table_name="reply")
    op.drop_column("reply", "send_id")
    for table in ("spending", "send", "batch_job"):
        op.drop_table(table)
