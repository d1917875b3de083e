"""Tables of landing: batches and what was decided about them, transcripts and where they occurred, rejects."""

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text

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

retraining_decision = Table(
    "retraining_decision",
    metadata,
    Column("decision_number", Serial, primary_key=True),
    Column("decided_at", Text, nullable=False, index=True),
    Column("verdict", Text, CheckConstraint("verdict IN ('retrain','wait')", name="verdict"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("n_new", Integer, nullable=False),
    Column("n_batches", Integer, nullable=False),
    Column("decided_by", Text, nullable=False),  # host, process and flow run
    comment="Whether what had landed was trained on, and why not.",
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
    Column(
        "origin", Text, CheckConstraint("origin IN ('real','augmented','forgotten')", name="origin"), nullable=False
    ),
    Column("parent_id", Text, ForeignKey("transcript.transcript_id")),
    Column("batch_id", Text, ForeignKey("batch.batch_id"), index=True),
    Column("signature", LargeBinary, nullable=False),  # MinHash of the text, for near duplicates
    Column("landed_at", Text, nullable=False),
    Column("forgotten_at", Text),  # of a tombstone, from which text, source and all else that tells of it is gone
    CheckConstraint("origin <> 'augmented' OR split = 'train'", name="augmented_is_train"),
    Index("ix_transcript_origin", "origin", "transcript_id"),
    comment="A cleaned transcript; the id is the hash of its text.",
)

occurrence = Table(
    "occurrence",
    metadata,
    Column("occurrence_id", Text, primary_key=True),  # hash of all that tells it from others
    Column("transcript_id", Text, ForeignKey("transcript.transcript_id"), nullable=False, index=True),
    Column("document", Text, nullable=False, index=True),
    Column("record_id", Text),  # the user's own
    Column("locator", Text, nullable=False),
    Column("piece", Integer, nullable=False),
    Column("pieces", Integer, nullable=False),
    Column("start_seconds", Float),
    Column("end_seconds", Float),
    Column("language", Text),
    Column("landed_at", Text, nullable=False),
    comment="A place where a transcript's text was found.",
)

occurrence_speaker = Table(
    "occurrence_speaker",
    metadata,
    Column("occurrence_id", Text, ForeignKey("occurrence.occurrence_id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),  # order in which they first speak
    Column("speaker", Text, nullable=False),  # as the file names them
    Column("person", Text, index=True),  # the same in one spelling; NULL where it is a label such as `Speaker 1`
    comment="Whose words a transcript holds.",
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
    Column("speakers", Text),  # JSON list of those whose words it holds, as the file names them; NULL where it does not
    Column("document", Text),  # what the transcript's document would have been
    Column("record_id", Text),  # the user's own
    comment="What was landed and refused, and why.",
)
