"""Label requests, the attempts at them, the responses that were paid for, and the labels read from them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
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

label_request = Table(
    "label_request",
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
        CheckConstraint("state IN ('queued','claimed','answered','done','failed')", name="state"),
        nullable=False,
    ),
    Column("claimed_by", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", Text),  # code of the last failure
    Column("detail", Text),  # what the endpoint said, where it would refuse the same again; NULL otherwise
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Index("ix_label_request_work", "label_model", "prompt_version", "purpose", "state"),
    comment="One thing to buy; claimed before it is asked, so that no two runs buy it.",
)

label_attempt = Table(
    "label_attempt",
    metadata,
    Column("attempt_id", Text, primary_key=True),  # told to the provider as X-Client-Request-Id
    Column("request_id", Text, ForeignKey("label_request.request_id"), nullable=False, index=True),
    Column("sent_at", Text, nullable=False),  # written before anything leaves this machine
    Column("owner", Text, nullable=False),  # the process that sent it, as `owners` writes it
    Column("reserved_nanos", BigInteger, nullable=False),  # billionths of a dollar: the most it may cost
    Column(
        "outcome",
        Text,
        CheckConstraint("outcome IN ('open','answered','refused','unknown','reclaimed')", name="outcome"),
        nullable=False,
    ),
    Column("error", Text),  # code, where it was refused or nobody knows what became of it
    Column("job_id", Text, ForeignKey("label_batch.job_id"), index=True),  # of a request in a batch
    Index("ix_label_attempt_open", "outcome", "owner"),
    comment="One attempt at a request. Unknown: no response was seen, though the provider may have billed one.",
)

spending = Table(
    "spending",
    metadata,
    Column("label_model", Text, primary_key=True),
    Column("prompt_version", Text, primary_key=True),
    Column("spent_nanos", BigInteger, nullable=False),  # of all responses
    Column("reserved_nanos", BigInteger, nullable=False),  # of all open attempts, at most
    Column("unknown_nanos", BigInteger, nullable=False),  # of attempts whose end nobody knows, at most
    comment="What a labelling configuration has cost so far, kept with attempts and responses: budgets are checked against it.",
)

label_batch = Table(
    "label_batch",
    metadata,
    Column("job_id", Text, primary_key=True),  # kept in the provider's metadata, so that a lost job is found again
    Column("label_model", Text, nullable=False),
    Column("prompt_version", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("n_requests", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),  # estimated; the provider limits what is enqueued
    Column("endpoint", Text, nullable=False),  # base URL that it is for; a batch is known there and nowhere else
    Column("file_id", Text),  # NULL until uploaded
    Column("provider_id", Text),  # NULL until created
    Column(
        "state",
        Text,
        CheckConstraint("state IN ('prepared','submitted','collected','failed')", name="state"),
        nullable=False,
    ),
    Column("error", Text),
    comment="Many requests handed in at once, at half price, through the provider's Batch API.",
)

label_response = Table(
    "label_response",
    metadata,
    Column("response_id", Serial, primary_key=True),
    Column("request_id", Text, ForeignKey("label_request.request_id"), nullable=False, index=True),
    Column("received_at", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # as it came over the wire
    Column("provider_id", Text),
    Column("finish_reason", Text),
    Column("prompt_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("cost_usd", Float),  # NULL where the model has no known price
    Column("problem", Text),  # code, where the response could not be used
    Column("attempt_id", Text, index=True),  # the attempt that it answers
    comment="Every response that was paid for, committed before anyone reads it.",
)

label = Table(
    "label",
    metadata,
    Column("transcript_id", Text, ForeignKey("transcript.transcript_id"), primary_key=True),
    Column("label_model", Text, primary_key=True),
    Column("prompt_version", Text, primary_key=True),
    Column("replicate", Integer, primary_key=True),
    Column("response_id", Serial, ForeignKey("label_response.response_id"), nullable=False),
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
    Column("expected_score", Float),  # mean over the score's distribution, where the provider tells it
    Column("evidence", Text),  # as quoted, empty where nothing was; NULL in labels from before evidence was asked for
    Column("evidence_found", Boolean),  # whether the transcript holds it; NULL where nothing was quoted
    ForeignKeyConstraint(
        ["transcript_id", "label_model", "prompt_version", "replicate"],
        ["label.transcript_id", "label.label_model", "label.prompt_version", "label.replicate"],
        name="fk_label_score_label",
    ),
    comment="One score of one label.",
)

prompt = Table(
    "prompt",
    metadata,
    Column("prompt_version", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),  # all that the version was hashed from; placeholders of single requests stay
    Column("first_used_at", Text, nullable=False),
    comment="Each version of a prompt that was used, with its text.",
)

augmentation = Table(
    "augmentation",
    metadata,
    Column("request_id", Text, ForeignKey("label_request.request_id"), primary_key=True),
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
