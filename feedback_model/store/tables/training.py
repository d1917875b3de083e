"""Base models, runs, checkpoints, model versions."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Float, ForeignKey, Integer, Table, Text

from feedback_model.store.tables.definitions import metadata

training_run = Table(
    "training_run",
    metadata,
    Column("run_id", Text, primary_key=True),  # hash of dataset, recipe, base and code
    Column("dataset_id", Text, ForeignKey("dataset.dataset_id"), nullable=False, index=True),
    Column("base_model", Text, nullable=False),
    Column("base_revision", Text, nullable=False),
    Column("stand_in", Boolean, nullable=False),
    Column("recipe_hash", Text, nullable=False),
    Column("recipe", Text, nullable=False),  # JSON
    Column("precision", Text, nullable=False),  # JSON: requested, used, and why they differ
    Column("device", Text, nullable=False),
    Column("code_commit", Text, nullable=False),
    Column("state", Text, CheckConstraint("state IN ('running','finished')", name="state"), nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("seconds", Float),  # wall time spent training, over all resumptions
    Column("tracking_id", Text),  # Weights & Biases run
    Column("longest_answer", Integer),  # tokens of the longest answer taught
    Column("token_budget", Integer),  # most tokens of a micro-batch
    comment="One QLoRA fine-tuning.",
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("run_id", Text, ForeignKey("training_run.run_id"), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("path", Text, nullable=False),
    Column("adapter_sha", Text, nullable=False),
    Column("train_loss", Float),
    Column("created_at", Text, nullable=False),
    comment="The adapter after one epoch.",
)

training_step = Table(
    "training_step",
    metadata,
    Column("run_id", Text, ForeignKey("training_run.run_id"), primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("loss", Float, nullable=False),
    Column("learning_rate", Float, nullable=False),
    Column("n_tokens", Integer),  # prompts included
    Column("seconds", Float),
    Column("peak_memory", BigInteger),  # bytes that the process had held by then
    comment="The loss curve.",
)
