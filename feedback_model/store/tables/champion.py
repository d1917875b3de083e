"""The rules of promotion, decisions by them with their evidence, and the promotions and rollbacks they allowed."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from feedback_model.store.tables.definitions import Serial, metadata

promotion_rules = Table(
    "promotion_rules",
    metadata,
    Column("rules_number", Serial, primary_key=True),
    Column("rules_id", Text, nullable=False),  # hash of the rules
    Column("version", Text, nullable=False),
    Column("rules", Text, nullable=False),  # JSON
    Column("fixed_at", Text, nullable=False),
    UniqueConstraint("rules_number", "fixed_at"),
    comment="What a model must show; only added to, and the newest row is in force.",
)

decision = Table(
    "decision",
    metadata,
    Column("decision_id", Text, primary_key=True),
    Column("created_at", Text, nullable=False),
    Column("evaluation_id", Text, ForeignKey("evaluation.evaluation_id"), nullable=False),  # on validation: decides
    Column("reported_evaluation_id", Text, ForeignKey("evaluation.evaluation_id")),  # on test: only reports
    Column("model_id", Text, ForeignKey("model_version.model_id"), nullable=False),
    Column("champion_id", Text, ForeignKey("model_version.model_id")),  # NULL where there was none
    Column(
        "verdict", Text, CheckConstraint("verdict IN ('promote','hold','inconclusive')", name="verdict"), nullable=False
    ),
    Column("reasons", Text, nullable=False),  # JSON list of sentences with their figures
    Column("rules_number", Serial, nullable=False, autoincrement=False),
    Column("rules_fixed_at", Text, nullable=False),
    Column("predicted_at", Text, nullable=False),  # when the first of the epochs was first asked
    ForeignKeyConstraint(
        ["rules_number", "rules_fixed_at"],
        ["promotion_rules.rules_number", "promotion_rules.fixed_at"],
        name="fk_decision_rules",
    ),
    CheckConstraint("verdict <> 'promote' OR rules_fixed_at <= predicted_at", name="rules_came_first"),
    UniqueConstraint("decision_id", "model_id", "verdict"),
    comment="Whether a model may become champion, and why.",
)

evidence = Table(
    "evidence",
    metadata,
    Column("decision_id", Text, ForeignKey("decision.decision_id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),  # order of the rules
    Column(
        "rule",
        Text,
        CheckConstraint("rule IN ('preregistered','incumbent','validity','constant','trait')", name="rule"),
        nullable=False,
    ),
    Column("trait", Text),  # only of the rule `trait`
    Column("outcome", Text, CheckConstraint("outcome IN ('pass','fail','unknown')", name="outcome"), nullable=False),
    Column("figure", Float),
    Column("ci_low", Float),
    Column("ci_high", Float),
    Column("threshold", Float),
    Column("evaluation_id", Text, ForeignKey("evaluation.evaluation_id"), nullable=False),
    Column("sentence", Text, nullable=False),
    comment="What each rule found.",
)

promotion = Table(
    "promotion",
    metadata,
    Column("promotion_id", Serial, primary_key=True),
    Column("promoted_at", Text, nullable=False),
    Column("kind", Text, CheckConstraint("kind IN ('promote','rollback')", name="kind"), nullable=False),
    Column("promoted_by", Text, nullable=False),  # version of the rules, or user@host
    Column("reason", Text),  # of a rollback
    Column(
        "decoding",
        Text,
        CheckConstraint("decoding IN ('free','template')", name="decoding"),
        nullable=False,
        server_default="free",
    ),
    Column("decision_id", Text, nullable=False),
    Column("model_id", Text, nullable=False),
    Column("verdict", Text, CheckConstraint("verdict = 'promote'", name="promoted"), nullable=False),
    CheckConstraint("kind = 'promote' OR (reason IS NOT NULL AND TRIM(reason) <> '')", name="rollback_reason"),
    ForeignKeyConstraint(
        ["decision_id", "model_id", "verdict"],
        ["decision.decision_id", "decision.model_id", "decision.verdict"],
        name="fk_promotion_decision",
    ),
    comment="Each time a champion was made; the newest is the champion. Only a decision to promote can stand here.",
)

# A decision promotes once; rollbacks may come back to it as often as they like.
Index(
    "uq_promotion_decision_promoted",
    promotion.c.decision_id,
    unique=True,
    sqlite_where=text("kind = 'promote'"),
    postgresql_where=text("kind = 'promote'"),
)
