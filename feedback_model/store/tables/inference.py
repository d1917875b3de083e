"""Tables of inference: models, outputs and their judgements."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from feedback_model.store.tables.definitions import metadata
from feedback_model.traits import MAX_SCORE, MIN_SCORE, SCORES, TRAIT_KEYS

model_version = Table(
    "model_version",
    metadata,
    Column("model_id", Text, primary_key=True),
    Column("base_model", Text, nullable=False),
    Column("base_revision", Text, nullable=False),
    Column("stand_in", Boolean, nullable=False),
    Column("quantised", Boolean, nullable=False),
    Column("run_id", Text, ForeignKey("training_run.run_id")),
    Column("epoch", Integer),
    Column("adapter_sha", Text),
    Column("variant", Text),  # the form that an export or an engine gave the weights; NULL: their own
    Column("weights_sha", Text),  # of the variant's files
    comment="Weights that can be asked for feedback, whatever role they play in an evaluation.",
)

inference = Table(
    "inference",
    metadata,
    Column("inference_id", Text, primary_key=True),  # hash of model, decoding, prompt and token limit
    Column("model_id", Text, ForeignKey("model_version.model_id"), nullable=False, index=True),
    Column(
        "decoding", Text, CheckConstraint("decoding IN ('free','template','direct')", name="decoding"), nullable=False
    ),
    Column("prompt_version", Text, nullable=False),
    Column("max_new_tokens", Integer, nullable=False),
    Column("device", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    comment="One way of asking one model.",
)

output = Table(
    "output",
    metadata,
    Column("inference_id", Text, ForeignKey("inference.inference_id"), primary_key=True),
    Column("transcript_id", Text, ForeignKey("transcript.transcript_id"), primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    Column("finish_reason", Text, CheckConstraint("finish_reason IN ('stop','length')", name="finish"), nullable=False),
    Column("n_tokens", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    comment="What a model said, as it came.",
)

score_distribution = Table(
    "score_distribution",
    metadata,
    Column("inference_id", Text, primary_key=True),
    Column("transcript_id", Text, primary_key=True),
    Column("trait", Text, primary_key=True),
    *(Column(f"p_{score}", Float, nullable=False) for score in SCORES),
    ForeignKeyConstraint(
        ["inference_id", "transcript_id"],
        ["output.inference_id", "output.transcript_id"],
        name="fk_score_distribution_output",
    ),
    comment="How likely a model held each score, where its way of decoding reads that.",
)

_ALL_SCORES = " + ".join(TRAIT_KEYS)  # NULL where one is
_ANY_SCORE = f"COALESCE({', '.join(TRAIT_KEYS)})"

judgement = Table(
    "judgement",
    metadata,
    # The output first: whoever removes an output looks here for what refers to it.
    Column("inference_id", Text, primary_key=True),
    Column("transcript_id", Text, primary_key=True),
    Column("validator", Text, primary_key=True),
    Column(
        "tier",
        Text,
        CheckConstraint("tier IN ('strict','extractable','repairable','none')", name="tier"),
        nullable=False,
    ),
    Column("failure_code", Text),  # NULL only where the tier is strict, or there is no text at all
    Column("failure_offset", Integer),  # bytes from the start of the output
    Column("failure_pointer", Text),  # RFC 6901
    *(
        Column(trait, Float) for trait in TRAIT_KEYS
    ),  # scores; NULL unless the tier is strict, or there is no text at all
    CheckConstraint(
        f"(tier <> 'strict' OR {_ALL_SCORES} IS NOT NULL) AND (tier IN ('strict', 'none') OR {_ANY_SCORE} IS NULL)",
        name="scores",
    ),
    CheckConstraint(" AND ".join(f"{trait} BETWEEN {MIN_SCORE} AND {MAX_SCORE}" for trait in TRAIT_KEYS), name="scale"),
    ForeignKeyConstraint(
        ["inference_id", "transcript_id"], ["output.inference_id", "output.transcript_id"], name="fk_judgement_output"
    ),
    # Measured (benchmarks/results_database.py): a row per score, or the key kept twice, costs a multiple in bytes and time.
    sqlite_with_rowid=False,
    comment="How one version of the parser judged an output.",
)
