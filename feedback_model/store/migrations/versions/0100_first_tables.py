"""Every table of the first release, as `feedback_model/store/tables/` defined them then."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0100"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text()
INTEGER = sa.Integer()
SERIAL = sa.BigInteger().with_variant(INTEGER, "sqlite")  # SQLite numbers only INTEGER keys by itself
TRAITS = ("formality", "persuasiveness", "enthusiasm", "empathy", "filler_words", "transition_logic")
SCALE = " AND ".join(f"{trait} BETWEEN 1 AND 10" for trait in TRAITS)
SCORES = (
    f"(tier = 'strict') = ({' + '.join(TRAITS)} IS NOT NULL) AND "
    f"(tier = 'strict' OR COALESCE({', '.join(TRAITS)}) IS NULL)"
)
# As foreign keys ask for: none refers to a later one.
TABLES = (
    "batch",
    "reject",
    "transcript",
    "label_batch",
    "spending",
    "label_request",
    "augmentation",
    "label_attempt",
    "label_response",
    "label",
    "label_score",
    "dataset",
    "dataset_item",
    "training_run",
    "checkpoint",
    "training_step",
    "model_version",
    "inference",
    "output",
    "judgement",
    "evaluation",
    "evaluation_constant",
    "evaluation_item",
    "evaluation_noise_floor",
    "evaluation_model",
    "evaluation_comparison",
    "evaluation_metric",
    "evaluation_tier",
    "evaluation_trait",
    "evaluation_trait_comparison",
    "promotion_rules",
    "decision",
    "evidence",
    "promotion",
    "lease",
)


def upgrade() -> None:
    """Make every table."""
    _create_transcripts()
    _create_labels()
    _create_datasets()
    _create_training()
    _create_inference()
    _create_evaluation()
    _create_champion()
    _create_work()


def downgrade() -> None:
    """Drop every table."""
    for name in reversed(TABLES):
        op.drop_table(name)


def _key(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, primary_key=True) for name in names]


def _required(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _optional(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind) for name in names]


def _one_of(name: str, *values: str, primary_key: bool = False) -> sa.Column[str]:
    listed = ",".join(f"'{value}'" for value in values)
    check = sa.CheckConstraint(f"{name} IN ({listed})", name=name)
    return sa.Column(name, TEXT, check, nullable=False, primary_key=primary_key)


def _create_transcripts() -> None:
    op.create_table(
        "batch",
        *_key(TEXT, "batch_id"),
        *_required(TEXT, "landed_at", "source"),
        *_required(INTEGER, "n_accepted", "n_known", "n_duplicate", "n_rejected"),
        *_optional(TEXT, "claimed_by", "claimed_at", "trained_at"),
        comment="One landing of data; what retraining claims.",
    )
    op.create_table(
        "reject",
        *_key(SERIAL, "reject_id"),
        sa.Column("batch_id", TEXT, sa.ForeignKey("batch.batch_id"), nullable=False, index=True),
        *_required(TEXT, "locator", "code", "reason"),
        *_required(sa.LargeBinary(), "excerpt"),
        comment="What was landed and refused, and why.",
    )
    op.create_table(
        "transcript",
        *_key(TEXT, "transcript_id"),
        sa.Column("source_id", TEXT, nullable=False, index=True),
        *_required(TEXT, "text", "source", "genre"),
        *_required(INTEGER, "n_words"),
        _one_of("split", "train", "validation", "test"),
        _one_of("origin", "real", "augmented"),
        sa.Column("parent_id", TEXT, sa.ForeignKey("transcript.transcript_id")),
        sa.Column("batch_id", TEXT, sa.ForeignKey("batch.batch_id"), index=True),
        *_required(sa.LargeBinary(), "signature"),
        *_required(TEXT, "landed_at"),
        sa.CheckConstraint("origin = 'real' OR split = 'train'", name="augmented_is_train"),
        sa.Index("ix_transcript_origin", "origin", "transcript_id"),
        comment="A cleaned transcript; the id is the hash of its text.",
    )


def _create_labels() -> None:
    op.create_table(
        "label_batch",
        *_key(TEXT, "job_id"),
        *_required(TEXT, "label_model", "prompt_version", "purpose", "created_at"),
        *_required(INTEGER, "n_requests"),
        *_required(sa.BigInteger(), "input_tokens"),
        *_required(TEXT, "endpoint"),
        *_optional(TEXT, "file_id", "provider_id"),
        _one_of("state", "prepared", "submitted", "collected", "failed"),
        *_optional(TEXT, "error"),
        comment="Many requests handed in at once, at half price, through the provider's Batch API.",
    )
    op.create_table(
        "spending",
        *_key(TEXT, "label_model", "prompt_version"),
        *_required(sa.BigInteger(), "spent_nanos", "reserved_nanos", "unknown_nanos"),
        comment="What a labelling configuration has cost so far, kept with attempts and responses: budgets are "
        "checked against it.",
    )
    op.create_table(
        "label_request",
        *_key(TEXT, "request_id"),
        _one_of("purpose", "label", "rewrite", "relabel"),
        sa.Column("transcript_id", TEXT, sa.ForeignKey("transcript.transcript_id"), nullable=False, index=True),
        *_required(TEXT, "label_model", "prompt_version"),
        sa.Column("replicate", INTEGER, nullable=False, server_default="0"),
        *_optional(TEXT, "target_trait"),
        *_optional(INTEGER, "target_score"),
        _one_of("state", "queued", "claimed", "answered", "done", "failed"),
        *_optional(TEXT, "claimed_by"),
        sa.Column("attempts", INTEGER, nullable=False, server_default="0"),
        *_optional(TEXT, "error"),
        *_required(TEXT, "created_at", "updated_at"),
        sa.Index("ix_label_request_work", "label_model", "prompt_version", "purpose", "state"),
        comment="One thing to buy; claimed before it is asked, so that no two runs buy it.",
    )
    op.create_table(
        "augmentation",
        sa.Column("request_id", TEXT, sa.ForeignKey("label_request.request_id"), primary_key=True),
        sa.Column("parent_id", TEXT, sa.ForeignKey("transcript.transcript_id"), nullable=False),
        sa.Column("transcript_id", TEXT, sa.ForeignKey("transcript.transcript_id")),
        *_required(TEXT, "trait"),
        *_required(INTEGER, "target_score"),
        *_optional(INTEGER, "relabelled_score"),
        _one_of("outcome", "pending", "accepted", "missed_target", "near_duplicate", "unusable"),
        comment="One rewrite towards a rare score, and what became of it.",
    )
    op.create_table(
        "label_attempt",
        *_key(TEXT, "attempt_id"),
        sa.Column("request_id", TEXT, sa.ForeignKey("label_request.request_id"), nullable=False, index=True),
        *_required(TEXT, "sent_at", "owner"),
        *_required(sa.BigInteger(), "reserved_nanos"),
        _one_of("outcome", "open", "answered", "refused", "unknown", "reclaimed"),
        *_optional(TEXT, "error"),
        sa.Column("job_id", TEXT, sa.ForeignKey("label_batch.job_id"), index=True),
        sa.Index("ix_label_attempt_open", "outcome", "owner"),
        comment="One attempt at a request. Unknown: no response was seen, though the provider may have billed one.",
    )
    op.create_table(
        "label_response",
        *_key(SERIAL, "response_id"),
        sa.Column("request_id", TEXT, sa.ForeignKey("label_request.request_id"), nullable=False, index=True),
        *_required(TEXT, "received_at"),
        *_required(sa.LargeBinary(), "body"),
        *_optional(TEXT, "provider_id", "finish_reason"),
        *_optional(INTEGER, "prompt_tokens", "cached_tokens", "completion_tokens"),
        *_optional(sa.Float(), "cost_usd"),
        *_optional(TEXT, "problem"),
        sa.Column("attempt_id", TEXT, index=True),
        comment="Every response that was paid for, committed before anyone reads it.",
    )
    op.create_table(
        "label",
        sa.Column("transcript_id", TEXT, sa.ForeignKey("transcript.transcript_id"), primary_key=True),
        *_key(TEXT, "label_model", "prompt_version"),
        *_key(INTEGER, "replicate"),
        sa.Column("response_id", SERIAL, sa.ForeignKey("label_response.response_id"), nullable=False),
        comment="A transcript has been labelled; the scores are in label_score.",
    )
    op.create_table(
        "label_score",
        *_key(TEXT, "transcript_id", "label_model", "prompt_version"),
        *_key(INTEGER, "replicate"),
        *_key(TEXT, "trait"),
        sa.Column("score", INTEGER, sa.CheckConstraint("score BETWEEN 1 AND 10", name="score"), nullable=False),
        *_required(TEXT, "explanation"),
        *_optional(sa.Float(), "expected_score"),
        sa.ForeignKeyConstraint(
            ["transcript_id", "label_model", "prompt_version", "replicate"],
            ["label.transcript_id", "label.label_model", "label.prompt_version", "label.replicate"],
            name="fk_label_score_label",
        ),
        comment="One score of one label.",
    )


def _create_datasets() -> None:
    op.create_table(
        "dataset",
        *_key(TEXT, "dataset_id"),
        *_required(TEXT, "created_at", "label_model", "prompt_version", "path"),
        *_required(INTEGER, "n_train", "n_validation", "n_test", "n_augmented"),
        comment="A dataset version; the id is the hash of its rows.",
    )
    op.create_table(
        "dataset_item",
        sa.Column("dataset_id", TEXT, sa.ForeignKey("dataset.dataset_id"), primary_key=True),
        sa.Column("transcript_id", TEXT, sa.ForeignKey("transcript.transcript_id"), primary_key=True),
        *_required(TEXT, "split"),
        comment="Which transcripts a dataset version holds.",
    )


def _create_training() -> None:
    op.create_table(
        "training_run",
        *_key(TEXT, "run_id"),
        sa.Column("dataset_id", TEXT, sa.ForeignKey("dataset.dataset_id"), nullable=False, index=True),
        *_required(TEXT, "base_model", "base_revision"),
        *_required(sa.Boolean(), "stand_in"),
        *_required(TEXT, "recipe_hash", "recipe", "precision", "device", "code_commit"),
        _one_of("state", "running", "finished"),
        *_required(TEXT, "started_at"),
        *_optional(TEXT, "finished_at"),
        *_optional(sa.Float(), "seconds"),
        *_optional(TEXT, "tracking_id"),
        comment="One QLoRA fine-tuning.",
    )
    op.create_table(
        "checkpoint",
        sa.Column("run_id", TEXT, sa.ForeignKey("training_run.run_id"), primary_key=True),
        *_key(INTEGER, "epoch"),
        *_required(TEXT, "path", "adapter_sha"),
        *_optional(sa.Float(), "train_loss"),
        *_required(TEXT, "created_at"),
        comment="The adapter after one epoch.",
    )
    op.create_table(
        "training_step",
        sa.Column("run_id", TEXT, sa.ForeignKey("training_run.run_id"), primary_key=True),
        *_key(INTEGER, "step"),
        *_required(INTEGER, "epoch"),
        *_required(sa.Float(), "loss", "learning_rate"),
        comment="The loss curve.",
    )


def _create_inference() -> None:
    op.create_table(
        "model_version",
        *_key(TEXT, "model_id"),
        *_required(TEXT, "base_model", "base_revision"),
        *_required(sa.Boolean(), "stand_in", "quantised"),
        sa.Column("run_id", TEXT, sa.ForeignKey("training_run.run_id")),
        *_optional(INTEGER, "epoch"),
        *_optional(TEXT, "adapter_sha"),
        comment="Weights that can be asked for feedback, whatever role they play in an evaluation.",
    )
    op.create_table(
        "inference",
        *_key(TEXT, "inference_id"),
        sa.Column("model_id", TEXT, sa.ForeignKey("model_version.model_id"), nullable=False, index=True),
        _one_of("decoding", "free", "template", "expected"),
        *_required(TEXT, "prompt_version"),
        *_required(INTEGER, "max_new_tokens"),
        *_required(TEXT, "device", "created_at"),
        comment="One way of asking one model.",
    )
    op.create_table(
        "output",
        sa.Column("inference_id", TEXT, sa.ForeignKey("inference.inference_id"), primary_key=True),
        sa.Column("transcript_id", TEXT, sa.ForeignKey("transcript.transcript_id"), primary_key=True),
        *_required(sa.LargeBinary(), "raw"),
        sa.Column(
            "finish_reason",
            TEXT,
            sa.CheckConstraint("finish_reason IN ('stop','length')", name="finish"),
            nullable=False,
        ),
        *_required(INTEGER, "n_tokens"),
        *_required(sa.Float(), "seconds"),
        comment="What a model said, as it came.",
    )
    op.create_table(
        "judgement",
        *_key(TEXT, "inference_id", "transcript_id", "validator"),
        _one_of("tier", "strict", "extractable", "repairable", "none"),
        *_optional(TEXT, "failure_code"),
        *_optional(INTEGER, "failure_offset"),
        *_optional(TEXT, "failure_pointer"),
        *_optional(sa.Float(), *TRAITS),
        sa.ForeignKeyConstraint(
            ["inference_id", "transcript_id"],
            ["output.inference_id", "output.transcript_id"],
            name="fk_judgement_output",
        ),
        sa.CheckConstraint(SCALE, name="scale"),
        sa.CheckConstraint(SCORES, name="scores"),
        sqlite_with_rowid=False,
        comment="How one version of the parser judged an output.",
    )


def _create_evaluation() -> None:
    op.create_table(
        "evaluation",
        *_key(TEXT, "evaluation_id"),
        *_required(TEXT, "created_at"),
        sa.Column("dataset_id", TEXT, sa.ForeignKey("dataset.dataset_id"), nullable=False, index=True),
        sa.Column("run_id", TEXT, sa.ForeignKey("training_run.run_id"), index=True),
        *_required(TEXT, "split", "decoding", "validator", "label_model", "prompt_version", "code_commit"),
        *_required(INTEGER, "n_test"),
        *_optional(sa.Float(), "mse_constant"),
        comment="Several models against the same labels on the same transcripts.",
    )
    op.create_table(
        "evaluation_constant",
        sa.Column("evaluation_id", TEXT, sa.ForeignKey("evaluation.evaluation_id"), primary_key=True),
        *_key(TEXT, "trait"),
        *_required(sa.Float(), "train_mean", "train_median", "mse"),
        comment="What a predictor that never reads the transcript would score.",
    )
    op.create_table(
        "evaluation_item",
        sa.Column("evaluation_id", TEXT, sa.ForeignKey("evaluation.evaluation_id"), primary_key=True),
        sa.Column("transcript_id", TEXT, sa.ForeignKey("transcript.transcript_id"), primary_key=True),
        sqlite_with_rowid=False,
        comment="The transcripts of an evaluation.",
    )
    op.create_table(
        "evaluation_noise_floor",
        sa.Column("evaluation_id", TEXT, sa.ForeignKey("evaluation.evaluation_id"), primary_key=True),
        *_key(TEXT, "trait"),
        *_required(sa.Float(), "floor"),
        *_optional(sa.Float(), "ci_low", "ci_high"),
        *_required(INTEGER, "n_used", "n_total", "n_missing"),
        comment="Variance of the labeller's noise, from transcripts labelled more than once: no MSE can be lower.",
    )
    op.create_table(
        "evaluation_model",
        sa.Column("evaluation_id", TEXT, sa.ForeignKey("evaluation.evaluation_id"), primary_key=True),
        *_key(TEXT, "model"),
        sa.Column("inference_id", TEXT, sa.ForeignKey("inference.inference_id"), nullable=False),
        *_required(INTEGER, "valid_strict", "valid_extractable", "valid_repairable", "n_common"),
        *_optional(sa.Float(), "mse_common"),
        *_required(INTEGER, "n_individual"),
        *_optional(sa.Float(), "mse_individual", "mse_penalised", "mse_lower", "mse_upper"),
        *_required(sa.Boolean(), "is_best_epoch"),
        *_optional(
            sa.Float(),
            "mse_common_low",
            "mse_common_high",
            "mse_individual_low",
            "mse_individual_high",
            "mse_penalised_low",
            "mse_penalised_high",
            "validity_low",
            "validity_high",
        ),
        *_optional(TEXT, "worst_trait"),
        *_optional(sa.Float(), "mse_worst_trait"),
        comment="One model's row of an evaluation.",
    )
    op.create_table(
        "evaluation_comparison",
        *_key(TEXT, "evaluation_id", "model", "other"),
        _one_of("measure", "penalised", "common", "validity", primary_key=True),
        *_optional(sa.Float(), "difference", "ci_low", "ci_high", "p_value", "p_adjusted"),
        *_required(sa.Boolean(), "distinguishable"),
        *_optional(sa.Float(), "bound_low", "bound_high", "margin", "p_non_inferior"),
        *_required(INTEGER, "n_used", "n_total", "n_missing"),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "model"],
            ["evaluation_model.evaluation_id", "evaluation_model.model"],
            name="fk_evaluation_comparison_model",
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "other"],
            ["evaluation_model.evaluation_id", "evaluation_model.model"],
            name="fk_evaluation_comparison_other",
        ),
        comment="Two models of one evaluation against each other, on the same transcripts; each pair once.",
    )
    op.create_table(
        "evaluation_metric",
        *_key(TEXT, "evaluation_id", "model", "trait"),
        _one_of("subset", "common", "individual", primary_key=True),
        _one_of("metric", "mae", "bias", "qwk", "spearman", "within_one", "mse_macro", primary_key=True),
        *_optional(sa.Float(), "value"),
        *_required(INTEGER, "n_used", "n_total", "n_missing"),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "model"],
            ["evaluation_model.evaluation_id", "evaluation_model.model"],
            name="fk_evaluation_metric_model",
        ),
        comment="One further metric of one model on one trait over one subset.",
    )
    op.create_table(
        "evaluation_tier",
        *_key(TEXT, "evaluation_id", "model"),
        *_required(INTEGER, "tier"),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "model"],
            ["evaluation_model.evaluation_id", "evaluation_model.model"],
            name="fk_evaluation_tier_model",
        ),
        comment="Models of different tiers are distinguishable by penalised MSE; 1 is best.",
    )
    op.create_table(
        "evaluation_trait",
        *_key(TEXT, "evaluation_id", "model", "trait"),
        _one_of("subset", "common", "individual", "penalised", primary_key=True),
        *_optional(sa.Float(), "mse", "ci_low", "ci_high"),
        *_required(INTEGER, "n_used", "n_total", "n_missing"),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "model"],
            ["evaluation_model.evaluation_id", "evaluation_model.model"],
            name="fk_evaluation_trait_model",
        ),
        comment="MSE of one model on one trait over one subset.",
    )
    op.create_table(
        "evaluation_trait_comparison",
        *_key(TEXT, "evaluation_id", "model", "other"),
        _one_of("measure", "penalised", "common", primary_key=True),
        *_key(TEXT, "trait"),
        *_optional(sa.Float(), "difference", "ci_low", "ci_high", "p_value", "p_adjusted"),
        *_required(sa.Boolean(), "distinguishable"),
        *_required(INTEGER, "n_used", "n_total", "n_missing"),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "model"],
            ["evaluation_model.evaluation_id", "evaluation_model.model"],
            name="fk_evaluation_trait_comparison_model",
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "other"],
            ["evaluation_model.evaluation_id", "evaluation_model.model"],
            name="fk_evaluation_trait_comparison_other",
        ),
        comment="The same pair of models on one trait.",
    )


def _create_champion() -> None:
    op.create_table(
        "promotion_rules",
        *_key(SERIAL, "rules_number"),
        *_required(TEXT, "rules_id", "version", "rules", "fixed_at"),
        sa.UniqueConstraint("rules_number", "fixed_at"),
        comment="What a model must show; only added to, and the newest row is in force.",
    )
    op.create_table(
        "decision",
        *_key(TEXT, "decision_id"),
        *_required(TEXT, "created_at"),
        sa.Column("evaluation_id", TEXT, sa.ForeignKey("evaluation.evaluation_id"), nullable=False),
        sa.Column("reported_evaluation_id", TEXT, sa.ForeignKey("evaluation.evaluation_id")),
        sa.Column("model_id", TEXT, sa.ForeignKey("model_version.model_id"), nullable=False),
        sa.Column("champion_id", TEXT, sa.ForeignKey("model_version.model_id")),
        _one_of("verdict", "promote", "hold", "inconclusive"),
        *_required(TEXT, "reasons"),
        sa.Column("rules_number", SERIAL, nullable=False, autoincrement=False),
        *_required(TEXT, "rules_fixed_at", "predicted_at"),
        sa.ForeignKeyConstraint(
            ["rules_number", "rules_fixed_at"],
            ["promotion_rules.rules_number", "promotion_rules.fixed_at"],
            name="fk_decision_rules",
        ),
        sa.CheckConstraint("verdict <> 'promote' OR rules_fixed_at <= predicted_at", name="rules_came_first"),
        sa.UniqueConstraint("decision_id", "model_id", "verdict"),
        comment="Whether a model may become champion, and why.",
    )
    op.create_table(
        "evidence",
        sa.Column("decision_id", TEXT, sa.ForeignKey("decision.decision_id"), primary_key=True),
        sa.Column("place", INTEGER, primary_key=True, autoincrement=False),
        _one_of("rule", "preregistered", "incumbent", "validity", "constant", "trait"),
        *_optional(TEXT, "trait"),
        _one_of("outcome", "pass", "fail", "unknown"),
        *_optional(sa.Float(), "figure", "ci_low", "ci_high", "threshold"),
        sa.Column("evaluation_id", TEXT, sa.ForeignKey("evaluation.evaluation_id"), nullable=False),
        *_required(TEXT, "sentence"),
        comment="What each rule found.",
    )
    op.create_table(
        "promotion",
        *_key(SERIAL, "promotion_id"),
        *_required(TEXT, "promoted_at"),
        _one_of("kind", "promote", "rollback"),
        *_required(TEXT, "promoted_by"),
        *_optional(TEXT, "reason"),
        *_required(TEXT, "decision_id", "model_id"),
        sa.Column("verdict", TEXT, sa.CheckConstraint("verdict = 'promote'", name="promoted"), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id", "model_id", "verdict"],
            ["decision.decision_id", "decision.model_id", "decision.verdict"],
            name="fk_promotion_decision",
        ),
        sa.CheckConstraint("kind = 'promote' OR (reason IS NOT NULL AND TRIM(reason) <> '')", name="rollback_reason"),
        comment="Each time a champion was made; the newest is the champion. Only a decision to promote can stand here.",
    )
    promoted = sa.text("kind = 'promote'")
    op.create_index(
        "uq_promotion_decision_promoted",
        "promotion",
        ["decision_id"],
        unique=True,
        sqlite_where=promoted,
        postgresql_where=promoted,
    )


def _create_work() -> None:
    op.create_table(
        "lease",
        *_key(TEXT, "name"),
        *_required(TEXT, "owner"),
        *_required(sa.Float(), "expires_at"),
        comment="Who is at work on what; a dead owner's lease is free at once on its host, elsewhere when it expires.",
    )
