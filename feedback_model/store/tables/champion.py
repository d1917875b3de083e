"""Decisions on which model serves, and the promotions they allowed."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, ForeignKeyConstraint, Table, Text, UniqueConstraint

from feedback_model.store.tables.definitions import Serial, metadata

decision = Table(
    "decision",
    metadata,
    Column("decision_id", Text, primary_key=True),
    Column("created_at", Text, nullable=False),
    Column("evaluation_id", Text, ForeignKey("evaluation.evaluation_id"), nullable=False),
    Column("model_id", Text, ForeignKey("model_version.model_id"), nullable=False),
    Column(
        "verdict", Text, CheckConstraint("verdict IN ('promote','hold','inconclusive')", name="verdict"), nullable=False
    ),
    Column("reasons", Text, nullable=False),  # JSON list of sentences with their figures
    UniqueConstraint("decision_id", "model_id", "verdict"),
    comment="Whether a model may become champion, and why.",
)

promotion = Table(
    "promotion",
    metadata,
    Column("promotion_id", Serial, primary_key=True),
    Column("promoted_at", Text, nullable=False),
    Column("decision_id", Text, nullable=False, unique=True),
    Column("model_id", Text, nullable=False),
    Column("verdict", Text, CheckConstraint("verdict = 'promote'", name="promoted"), nullable=False),
    ForeignKeyConstraint(
        ["decision_id", "model_id", "verdict"],
        ["decision.decision_id", "decision.model_id", "decision.verdict"],
        name="fk_promotion_decision",
    ),
    comment="Each time a champion was made; the newest is the champion. Only a decision to promote can stand here.",
)
