"""Snapshots of labelled transcripts."""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from feedback_model.store.tables.definitions import metadata

dataset = Table(
    "dataset",
    metadata,
    Column("dataset_id", Text, primary_key=True),
    Column("created_at", Text, nullable=False),
    Column("label_model", Text, nullable=False),
    Column("prompt_version", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("n_train", Integer, nullable=False),
    Column("n_validation", Integer, nullable=False),
    Column("n_test", Integer, nullable=False),
    Column("n_augmented", Integer, nullable=False),
    comment="A dataset version; the id is the hash of its rows.",
)

dataset_item = Table(
    "dataset_item",
    metadata,
    Column("dataset_id", Text, ForeignKey("dataset.dataset_id"), primary_key=True),
    Column("transcript_id", Text, ForeignKey("transcript.transcript_id"), primary_key=True),
    Column("split", Text, nullable=False),
    comment="Which transcripts a dataset version holds.",
)
