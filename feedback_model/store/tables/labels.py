"""What was asked for and paid: requests, replies, labels."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from feedback_model.store.tables.definitions import Serial, metadata

request = Table(
    "request",
    metadata,
    Column("request_id", Text, primary_key=True),  # hash of purpose, subject, model, prompt, replicate, target
    Column(
        "purpose", Text, CheckConstraint("purpose IN ('label','rewrite','relabel')", name="purpose"), nullable=False
    ),
    Column("transcript_id", Text, ForeignKey("transcript.transcript_id"), nullable=False, index=True),
    Column("label_model", Text, nullable=False),
    Column("prompt_version", Text, nullable=False),
    Column("replicate", Integer, nullable=False, server_default="0"),
    Column("target_trait", Text),  # of a rewrite
    Column("target_score", Integer),
    Column(
        "state",
        Text,
        CheckConstraint("state IN ('wanted','claimed','answered','done','failed')", name="state"),
        nullable=False,
    ),
    Column("claimed_by", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", Text),  # code of the last failure
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Index("ix_request_work", "label_model", "prompt_version", "purpose", "state"),
    comment="One thing to buy; claimed before it is asked, so that no two runs buy it.",
)

reply = Table(
    "reply",
    metadata,
    Column("reply_id", Serial, primary_key=True),
    Column("request_id", Text, ForeignKey("request.request_id"), nullable=False, index=True),
    Column("received_at", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # as it came over the wire
    Column("provider_id", Text),
    Column("finish_reason", Text),
    Column("prompt_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("cost_usd", Float),  # NULL where the model has no known price
    Column("problem", Text),  # code, where the reply could not be used
    comment="Every reply that was paid for, committed before anyone reads it.",
)

label = Table(
    "label",
    metadata,
    Column("transcript_id", Text, ForeignKey("transcript.transcript_id"), primary_key=True),
    Column("label_model", Text, primary_key=True),
    Column("prompt_version", Text, primary_key=True),
    Column("replicate", Integer, primary_key=True),
    Column("reply_id", Serial, ForeignKey("reply.reply_id"), nullable=False),
    comment="A transcript has been labelled; the scores are in label_score.",
)

label_score = Table(
    "label_score",
    metadata,
    Column("transcript_id", Text, primary_key=True),
    Column("label_model", Text, primary_key=True),
    Column("prompt_version", Text, primary_key=True),
    Column("replicate", Integer, primary_key=True),
    Column("trait", Text, primary_key=True),
    Column("score", Integer, CheckConstraint("score BETWEEN 1 AND 10", name="score"), nullable=False),
    Column("explanation", Text, nullable=False),
    ForeignKeyConstraint(
        ["transcript_id", "label_model", "prompt_version", "replicate"],
        ["label.transcript_id", "label.label_model", "label.prompt_version", "label.replicate"],
        name="fk_label_score_label",
    ),
    comment="One score of one label.",
)

augmentation = Table(
    "augmentation",
    metadata,
    Column("request_id", Text, ForeignKey("request.request_id"), primary_key=True),
    Column("parent_id", Text, ForeignKey("transcript.transcript_id"), nullable=False),
    Column("transcript_id", Text, ForeignKey("transcript.transcript_id")),  # NULL where the rewrite was refused
    Column("trait", Text, nullable=False),
    Column("target_score", Integer, nullable=False),
    Column("relabelled_score", Integer),
    Column(
        "outcome",
        Text,
        CheckConstraint(
            "outcome IN ('pending','accepted','missed_target','near_duplicate','unusable')", name="outcome"
        ),
        nullable=False,
    ),
    comment="One rewrite towards a rare score, and what became of it.",
)
