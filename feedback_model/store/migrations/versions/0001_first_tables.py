"""The first tables: landing, labels, datasets, training, inference, evaluation, champion."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
TABLES = (
    "predicted_score",
    "label_score",
    "judgement",
    "evaluation_trait",
    "promotion",
    "output",
    "label",
    "evaluation_model",
    "reply",
    "inference",
    "evaluation_item",
    "evaluation_constant",
    "decision",
    "augmentation",
    "training_step",
    "request",
    "model_version",
    "evaluation",
    "dataset_item",
    "checkpoint",
    "transcript",
    "training_run",
    "reject",
    "lease",
    "dataset",
    "batch",
)


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "batch",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("landed_at", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("n_accepted", sa.Integer(), nullable=False),
        sa.Column("n_known", sa.Integer(), nullable=False),
        sa.Column("n_duplicate", sa.Integer(), nullable=False),
        sa.Column("n_rejected", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_at", sa.Text(), nullable=True),
        sa.Column("trained_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_batch")),
        comment="One landing of data; what retraining claims.",
    )
    op.create_table(
        "dataset",
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("label_model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("n_train", sa.Integer(), nullable=False),
        sa.Column("n_validation", sa.Integer(), nullable=False),
        sa.Column("n_test", sa.Integer(), nullable=False),
        sa.Column("n_augmented", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_dataset")),
        comment="A dataset version; the id is the hash of its rows.",
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
        comment="Who is at work on what; a dead owner's lease is free at once on its host, elsewhere when it expires.",
    )
    op.create_table(
        "reject",
        sa.Column("reject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("locator", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("excerpt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name=op.f("fk_reject_batch_id")),
        sa.PrimaryKeyConstraint("reject_id", name=op.f("pk_reject")),
        comment="What was landed and refused, and why.",
    )
    op.create_index(op.f("ix_reject_batch_id"), "reject", ["batch_id"], unique=False)
    op.create_table(
        "training_run",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("base_model", sa.Text(), nullable=False),
        sa.Column("base_revision", sa.Text(), nullable=False),
        sa.Column("stand_in", sa.Boolean(), nullable=False),
        sa.Column("recipe_hash", sa.Text(), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("precision", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("code_commit", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("tracking_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.dataset_id"], name=op.f("fk_training_run_dataset_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_training_run")),
        comment="One QLoRA fine-tuning.",
    )
    op.create_index(op.f("ix_training_run_dataset_id"), "training_run", ["dataset_id"], unique=False)
    op.create_table(
        "transcript",
        sa.Column("transcript_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("genre", sa.Text(), nullable=False),
        sa.Column("n_words", sa.Integer(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("landed_at", sa.Text(), nullable=False),
        sa.CheckConstraint("origin = 'real' OR split = 'train'", name=op.f("ck_transcript_augmented_is_train")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name=op.f("fk_transcript_batch_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["transcript.transcript_id"], name=op.f("fk_transcript_parent_id")),
        sa.PrimaryKeyConstraint("transcript_id", name=op.f("pk_transcript")),
        comment="A cleaned transcript; the id is the hash of its text.",
    )
    op.create_index(op.f("ix_transcript_batch_id"), "transcript", ["batch_id"], unique=False)
    op.create_index(op.f("ix_transcript_source_id"), "transcript", ["source_id"], unique=False)
    op.create_table(
        "checkpoint",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("adapter_sha", sa.Text(), nullable=False),
        sa.Column("train_loss", sa.Float(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["training_run.run_id"], name=op.f("fk_checkpoint_run_id")),
        sa.PrimaryKeyConstraint("run_id", "epoch", name=op.f("pk_checkpoint")),
        comment="The adapter after one epoch.",
    )
    op.create_table(
        "dataset_item",
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("transcript_id", sa.Text(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.dataset_id"], name=op.f("fk_dataset_item_dataset_id")),
        sa.ForeignKeyConstraint(
            ["transcript_id"], ["transcript.transcript_id"], name=op.f("fk_dataset_item_transcript_id")
        ),
        sa.PrimaryKeyConstraint("dataset_id", "transcript_id", name=op.f("pk_dataset_item")),
        comment="Which transcripts a dataset version holds.",
    )
    op.create_table(
        "evaluation",
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("dataset_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("decoding", sa.Text(), nullable=False),
        sa.Column("validator", sa.Text(), nullable=False),
        sa.Column("label_model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("code_commit", sa.Text(), nullable=False),
        sa.Column("n_test", sa.Integer(), nullable=False),
        sa.Column("mse_constant", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.dataset_id"], name=op.f("fk_evaluation_dataset_id")),
        sa.ForeignKeyConstraint(["run_id"], ["training_run.run_id"], name=op.f("fk_evaluation_run_id")),
        sa.PrimaryKeyConstraint("evaluation_id", name=op.f("pk_evaluation")),
        comment="Several models against the same labels on the same transcripts.",
    )
    op.create_index(op.f("ix_evaluation_dataset_id"), "evaluation", ["dataset_id"], unique=False)
    op.create_index(op.f("ix_evaluation_run_id"), "evaluation", ["run_id"], unique=False)
    op.create_table(
        "model_version",
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("base_model", sa.Text(), nullable=False),
        sa.Column("base_revision", sa.Text(), nullable=False),
        sa.Column("stand_in", sa.Boolean(), nullable=False),
        sa.Column("quantised", sa.Boolean(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column("adapter_sha", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["training_run.run_id"], name=op.f("fk_model_version_run_id")),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_model_version")),
        comment="Weights that can be asked for feedback, whatever role they play in an evaluation.",
    )
    op.create_table(
        "request",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("transcript_id", sa.Text(), nullable=False),
        sa.Column("label_model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("replicate", sa.Integer(), server_default="0", nullable=False),
        sa.Column("target_trait", sa.Text(), nullable=True),
        sa.Column("target_score", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["transcript_id"], ["transcript.transcript_id"], name=op.f("fk_request_transcript_id")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_request")),
        comment="One thing to buy; claimed before it is asked, so that no two runs buy it.",
    )
    op.create_index(op.f("ix_request_transcript_id"), "request", ["transcript_id"], unique=False)
    op.create_index("ix_request_work", "request", ["label_model", "prompt_version", "purpose", "state"], unique=False)
    op.create_table(
        "training_step",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("loss", sa.Float(), nullable=False),
        sa.Column("learning_rate", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["training_run.run_id"], name=op.f("fk_training_step_run_id")),
        sa.PrimaryKeyConstraint("run_id", "step", name=op.f("pk_training_step")),
        comment="The loss curve.",
    )
    op.create_table(
        "augmentation",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=False),
        sa.Column("transcript_id", sa.Text(), nullable=True),
        sa.Column("trait", sa.Text(), nullable=False),
        sa.Column("target_score", sa.Integer(), nullable=False),
        sa.Column("relabelled_score", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["transcript.transcript_id"], name=op.f("fk_augmentation_parent_id")),
        sa.ForeignKeyConstraint(["request_id"], ["request.request_id"], name=op.f("fk_augmentation_request_id")),
        sa.ForeignKeyConstraint(
            ["transcript_id"], ["transcript.transcript_id"], name=op.f("fk_augmentation_transcript_id")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_augmentation")),
        comment="One rewrite towards a rare score, and what became of it.",
    )
    op.create_table(
        "decision",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.evaluation_id"], name=op.f("fk_decision_evaluation_id")
        ),
        sa.ForeignKeyConstraint(["model_id"], ["model_version.model_id"], name=op.f("fk_decision_model_id")),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_decision")),
        sa.UniqueConstraint("decision_id", "model_id", "verdict", name=op.f("uq_decision_decision_id")),
        comment="Whether a model may become champion, and why.",
    )
    op.create_table(
        "evaluation_constant",
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("trait", sa.Text(), nullable=False),
        sa.Column("train_mean", sa.Float(), nullable=False),
        sa.Column("train_median", sa.Float(), nullable=False),
        sa.Column("mse", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.evaluation_id"], name=op.f("fk_evaluation_constant_evaluation_id")
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "trait", name=op.f("pk_evaluation_constant")),
        comment="What a predictor that never reads the transcript would score.",
    )
    op.create_table(
        "evaluation_item",
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("transcript_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.evaluation_id"], name=op.f("fk_evaluation_item_evaluation_id")
        ),
        sa.ForeignKeyConstraint(
            ["transcript_id"], ["transcript.transcript_id"], name=op.f("fk_evaluation_item_transcript_id")
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "transcript_id", name=op.f("pk_evaluation_item")),
        comment="The transcripts of an evaluation.",
    )
    op.create_table(
        "inference",
        sa.Column("inference_id", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("decoding", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("max_new_tokens", sa.Integer(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model_version.model_id"], name=op.f("fk_inference_model_id")),
        sa.PrimaryKeyConstraint("inference_id", name=op.f("pk_inference")),
        comment="One way of asking one model.",
    )
    op.create_index(op.f("ix_inference_model_id"), "inference", ["model_id"], unique=False)
    op.create_table(
        "reply",
        sa.Column("reply_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("cached_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("cost_usd", sa.Float(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["request.request_id"], name=op.f("fk_reply_request_id")),
        sa.PrimaryKeyConstraint("reply_id", name=op.f("pk_reply")),
        comment="Every reply that was paid for, committed before anyone reads it.",
    )
    op.create_index(op.f("ix_reply_request_id"), "reply", ["request_id"], unique=False)
    op.create_table(
        "evaluation_model",
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("inference_id", sa.Text(), nullable=False),
        sa.Column("valid_strict", sa.Integer(), nullable=False),
        sa.Column("valid_extractable", sa.Integer(), nullable=False),
        sa.Column("valid_repairable", sa.Integer(), nullable=False),
        sa.Column("n_common", sa.Integer(), nullable=False),
        sa.Column("mse_common", sa.Float(), nullable=True),
        sa.Column("n_individual", sa.Integer(), nullable=False),
        sa.Column("mse_individual", sa.Float(), nullable=True),
        sa.Column("mse_penalised", sa.Float(), nullable=True),
        sa.Column("mse_lower", sa.Float(), nullable=True),
        sa.Column("mse_upper", sa.Float(), nullable=True),
        sa.Column("is_best_epoch", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.evaluation_id"], name=op.f("fk_evaluation_model_evaluation_id")
        ),
        sa.ForeignKeyConstraint(
            ["inference_id"], ["inference.inference_id"], name=op.f("fk_evaluation_model_inference_id")
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "model", name=op.f("pk_evaluation_model")),
        comment="One model's row of an evaluation.",
    )
    op.create_table(
        "label",
        sa.Column("transcript_id", sa.Text(), nullable=False),
        sa.Column("label_model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("replicate", sa.Integer(), nullable=False),
        sa.Column("reply_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["reply_id"], ["reply.reply_id"], name=op.f("fk_label_reply_id")),
        sa.ForeignKeyConstraint(["transcript_id"], ["transcript.transcript_id"], name=op.f("fk_label_transcript_id")),
        sa.PrimaryKeyConstraint("transcript_id", "label_model", "prompt_version", "replicate", name=op.f("pk_label")),
        comment="A transcript has been labelled; the scores are in label_score.",
    )
    op.create_table(
        "output",
        sa.Column("inference_id", sa.Text(), nullable=False),
        sa.Column("transcript_id", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.Column("n_tokens", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["inference_id"], ["inference.inference_id"], name=op.f("fk_output_inference_id")),
        sa.ForeignKeyConstraint(["transcript_id"], ["transcript.transcript_id"], name=op.f("fk_output_transcript_id")),
        sa.PrimaryKeyConstraint("inference_id", "transcript_id", name=op.f("pk_output")),
        comment="What a model said, as it came.",
    )
    op.create_table(
        "promotion",
        sa.Column("promotion_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("promoted_at", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id", "model_id", "verdict"],
            ["decision.decision_id", "decision.model_id", "decision.verdict"],
            name="fk_promotion_decision",
        ),
        sa.PrimaryKeyConstraint("promotion_id", name=op.f("pk_promotion")),
        sa.UniqueConstraint("decision_id", name=op.f("uq_promotion_decision_id")),
        comment="Each time a champion was made; the newest is the champion. Only a decision to promote can stand here.",
    )
    op.create_table(
        "evaluation_trait",
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("trait", sa.Text(), nullable=False),
        sa.Column("subset", sa.Text(), nullable=False),
        sa.Column("mse", sa.Float(), nullable=True),
        sa.Column("ci_low", sa.Float(), nullable=True),
        sa.Column("ci_high", sa.Float(), nullable=True),
        sa.Column("n_used", sa.Integer(), nullable=False),
        sa.Column("n_total", sa.Integer(), nullable=False),
        sa.Column("n_missing", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id", "model"],
            ["evaluation_model.evaluation_id", "evaluation_model.model"],
            name="fk_evaluation_trait_model",
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "model", "trait", "subset", name=op.f("pk_evaluation_trait")),
        comment="MSE of one model on one trait over one subset.",
    )
    op.create_table(
        "judgement",
        sa.Column("validator", sa.Text(), nullable=False),
        sa.Column("inference_id", sa.Text(), nullable=False),
        sa.Column("transcript_id", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("failure_offset", sa.Integer(), nullable=True),
        sa.Column("failure_pointer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["inference_id", "transcript_id"],
            ["output.inference_id", "output.transcript_id"],
            name="fk_judgement_output",
        ),
        sa.PrimaryKeyConstraint("validator", "inference_id", "transcript_id", name=op.f("pk_judgement")),
        comment="How one version of the parser judged an output.",
    )
    op.create_table(
        "label_score",
        sa.Column("transcript_id", sa.Text(), nullable=False),
        sa.Column("label_model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("replicate", sa.Integer(), nullable=False),
        sa.Column("trait", sa.Text(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transcript_id", "label_model", "prompt_version", "replicate"],
            ["label.transcript_id", "label.label_model", "label.prompt_version", "label.replicate"],
            name="fk_label_score_label",
        ),
        sa.PrimaryKeyConstraint(
            "transcript_id", "label_model", "prompt_version", "replicate", "trait", name=op.f("pk_label_score")
        ),
        comment="One score of one label.",
    )
    op.create_table(
        "predicted_score",
        sa.Column("validator", sa.Text(), nullable=False),
        sa.Column("inference_id", sa.Text(), nullable=False),
        sa.Column("transcript_id", sa.Text(), nullable=False),
        sa.Column("trait", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["validator", "inference_id", "transcript_id"],
            ["judgement.validator", "judgement.inference_id", "judgement.transcript_id"],
            name="fk_predicted_score_judgement",
        ),
        sa.PrimaryKeyConstraint("validator", "inference_id", "transcript_id", "trait", name=op.f("pk_predicted_score")),
        comment="One score of a strictly valid output.",
    )


def downgrade() -> None:
    """Drop every table."""
    for name in TABLES:
        op.drop_table(name)
