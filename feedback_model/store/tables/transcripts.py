"""Tables of landing: batches, transcripts, rejects."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from feedback_model.store.tables.definitions import Serial, metadata

batch = Table(
    "batch",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("landed_at", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("n_accepted", Integer, nullable=False),
    Column("n_known", Integer, nullable=False),
    Column("n_duplicate", Integer, nullable=False),
    Column("n_rejected", Integer, nullable=False),
    Column("claimed_by", Text),  # the flow run or process that retrains on it
    Column("claimed_at", Text),
    Column("trained_at", Text),  # set when a run that claimed it has finished
    comment="One landing of data; what retraining claims.",
)

transcript = Table(
    "transcript",
    metadata,
    Column("transcript_id", Text, primary_key=True),
    Column("source_id", Text, nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("genre", Text, nullable=False),
    Column("n_words", Integer, nullable=False),
    Column("split", Text, CheckConstraint("split IN ('train','validation','test')", name="split"), nullable=False),
    Column("origin", Text, CheckConstraint("origin IN ('real','augmented')", name="origin"), nullable=False),
    Column("parent_id", Text, ForeignKey("transcript.transcript_id")),
    Column("batch_id", Text, ForeignKey("batch.batch_id"), index=True),
    Column("signature", LargeBinary, nullable=False),  # MinHash of the text, for near duplicates
    Column("landed_at", Text, nullable=False),
    CheckConstraint("origin = 'real' OR split = 'train'", name="augmented_is_train"),
    Index("ix_transcript_origin", "origin", "transcript_id"),
    comment="A cleaned transcript; the id is the hash of its text.",
)

reject = Table(
    "reject",
    metadata,
    Column("reject_id", Serial, primary_key=True),
    Column("batch_id", Text, ForeignKey("batch.batch_id"), nullable=False, index=True),
    Column("locator", Text, nullable=False),  # file and line, or file and row
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("excerpt", LargeBinary, nullable=False),
    comment="What was landed and refused, and why.",
)
