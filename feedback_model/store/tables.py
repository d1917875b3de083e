"""Every table of the store, in one place (which is why this file is long); views over them are the `.sql` files in `views/`.

The same definitions serve SQLite and PostgreSQL. Raw outputs and replies are bytes, because PostgreSQL text refuses U+0000.
Times are ISO 8601 strings in UTC: they sort, compare and read alike in both databases.
"""

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
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers only INTEGER PRIMARY KEY columns by itself.
Serial = BigInteger().with_variant(Integer, "sqlite")

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),  # host:pid:start time of the process
    Column("expires_at", Float, nullable=False),  # seconds since the epoch; renewed while the owner lives
    comment="Who is at work on what; a dead owner's lease is free at once on its host, elsewhere when it expires.",
)

# ---- transcripts -------------------------------------------------------------------------------------------------

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

# ---- labels ------------------------------------------------------------------------------------------------------

request = Table(
    "request",
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
        CheckConstraint("state IN ('wanted','claimed','answered','done','failed')", name="state"),
        nullable=False,
    ),
    Column("claimed_by", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", Text),  # code of the last failure
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Index("ix_request_work", "label_model", "prompt_version", "purpose", "state"),
    comment="One thing to buy; claimed before it is asked, so that no two runs buy it.",
)

reply = Table(
    "reply",
    metadata,
    Column("reply_id", Serial, primary_key=True),
    Column("request_id", Text, ForeignKey("request.request_id"), nullable=False, index=True),
    Column("received_at", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # as it came over the wire
    Column("provider_id", Text),
    Column("finish_reason", Text),
    Column("prompt_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("cost_usd", Float),  # NULL where the model has no known price
    Column("problem", Text),  # code, where the reply could not be used
    comment="Every reply that was paid for, committed before anyone reads it.",
)

label = Table(
    "label",
    metadata,
    Column("transcript_id", Text, ForeignKey("transcript.transcript_id"), primary_key=True),
    Column("label_model", Text, primary_key=True),
    Column("prompt_version", Text, primary_key=True),
    Column("replicate", Integer, primary_key=True),
    Column("reply_id", Serial, ForeignKey("reply.reply_id"), nullable=False),
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
    ForeignKeyConstraint(
        ["transcript_id", "label_model", "prompt_version", "replicate"],
        ["label.transcript_id", "label.label_model", "label.prompt_version", "label.replicate"],
        name="fk_label_score_label",
    ),
    comment="One score of one label.",
)

augmentation = Table(
    "augmentation",
    metadata,
    Column("request_id", Text, ForeignKey("request.request_id"), primary_key=True),
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

# ---- datasets ----------------------------------------------------------------------------------------------------

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

# ---- training ----------------------------------------------------------------------------------------------------

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
    comment="The loss curve.",
)

# ---- inference ---------------------------------------------------------------------------------------------------

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
    comment="Weights that can be asked for feedback, whatever role they play in an evaluation.",
)

inference = Table(
    "inference",
    metadata,
    Column("inference_id", Text, primary_key=True),  # hash of model, decoding, prompt and token limit
    Column("model_id", Text, ForeignKey("model_version.model_id"), nullable=False, index=True),
    Column(
        "decoding", Text, CheckConstraint("decoding IN ('free','template','expected')", name="decoding"), nullable=False
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

judgement = Table(
    "judgement",
    metadata,
    Column("validator", Text, primary_key=True),
    Column("inference_id", Text, primary_key=True),
    Column("transcript_id", Text, primary_key=True),
    Column(
        "tier",
        Text,
        CheckConstraint("tier IN ('strict','extractable','repairable','none')", name="tier"),
        nullable=False,
    ),
    Column("failure_code", Text),  # NULL only where the tier is strict
    Column("failure_offset", Integer),  # bytes from the start of the output
    Column("failure_pointer", Text),  # RFC 6901
    ForeignKeyConstraint(
        ["inference_id", "transcript_id"], ["output.inference_id", "output.transcript_id"], name="fk_judgement_output"
    ),
    comment="How one version of the parser judged an output.",
)

predicted_score = Table(
    "predicted_score",
    metadata,
    Column("validator", Text, primary_key=True),
    Column("inference_id", Text, primary_key=True),
    Column("transcript_id", Text, primary_key=True),
    Column("trait", Text, primary_key=True),
    Column("score", Float, nullable=False),  # only of strictly valid outputs
    ForeignKeyConstraint(
        ["validator", "inference_id", "transcript_id"],
        ["judgement.validator", "judgement.inference_id", "judgement.transcript_id"],
        name="fk_predicted_score_judgement",
    ),
    comment="One score of a strictly valid output.",
)

# ---- evaluation --------------------------------------------------------------------------------------------------

evaluation = Table(
    "evaluation",
    metadata,
    Column("evaluation_id", Text, primary_key=True),  # hash of dataset, split, decoding, validator and inferences
    Column("created_at", Text, nullable=False),
    Column("dataset_id", Text, ForeignKey("dataset.dataset_id"), nullable=False, index=True),
    Column("run_id", Text, ForeignKey("training_run.run_id"), index=True),
    Column("split", Text, nullable=False),
    Column("decoding", Text, nullable=False),
    Column("validator", Text, nullable=False),
    Column("label_model", Text, nullable=False),
    Column("prompt_version", Text, nullable=False),
    Column("code_commit", Text, nullable=False),
    Column("n_test", Integer, nullable=False),  # transcripts asked
    Column("mse_constant", Float),  # of the train mean, averaged over traits
    comment="Several models against the same labels on the same transcripts.",
)

evaluation_item = Table(
    "evaluation_item",
    metadata,
    Column("evaluation_id", Text, ForeignKey("evaluation.evaluation_id"), primary_key=True),
    Column("transcript_id", Text, ForeignKey("transcript.transcript_id"), primary_key=True),
    comment="The transcripts of an evaluation.",
)

evaluation_constant = Table(
    "evaluation_constant",
    metadata,
    Column("evaluation_id", Text, ForeignKey("evaluation.evaluation_id"), primary_key=True),
    Column("trait", Text, primary_key=True),
    Column("train_mean", Float, nullable=False),
    Column("train_median", Float, nullable=False),
    Column("mse", Float, nullable=False),  # of predicting the train mean for every transcript
    comment="What a predictor that never reads the transcript would score.",
)

evaluation_model = Table(
    "evaluation_model",
    metadata,
    Column("evaluation_id", Text, ForeignKey("evaluation.evaluation_id"), primary_key=True),
    Column("model", Text, primary_key=True),  # base, base-nf4, epoch-N, champion
    Column("inference_id", Text, ForeignKey("inference.inference_id"), nullable=False),
    Column("valid_strict", Integer, nullable=False),
    Column("valid_extractable", Integer, nullable=False),
    Column("valid_repairable", Integer, nullable=False),
    Column("n_common", Integer, nullable=False),
    Column("mse_common", Float),
    Column("n_individual", Integer, nullable=False),
    Column("mse_individual", Float),
    Column("mse_penalised", Float),
    Column("mse_lower", Float),
    Column("mse_upper", Float),
    Column("is_best_epoch", Boolean, nullable=False),
    comment="One model's row of an evaluation.",
)

evaluation_trait = Table(
    "evaluation_trait",
    metadata,
    Column("evaluation_id", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("trait", Text, primary_key=True),
    Column(
        "subset",
        Text,
        CheckConstraint("subset IN ('common','individual','penalised')", name="subset"),
        primary_key=True,
    ),
    Column("mse", Float),  # NULL where nothing was used
    Column("ci_low", Float),
    Column("ci_high", Float),
    Column("n_used", Integer, nullable=False),
    Column("n_total", Integer, nullable=False),
    Column("n_missing", Integer, nullable=False),
    ForeignKeyConstraint(
        ["evaluation_id", "model"],
        ["evaluation_model.evaluation_id", "evaluation_model.model"],
        name="fk_evaluation_trait_model",
    ),
    comment="MSE of one model on one trait over one subset.",
)

# ---- champion ----------------------------------------------------------------------------------------------------

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

# ---- comparisons -------------------------------------------------------------------------------------------------


def _of_evaluated_model(table: str, column: str = "model") -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["evaluation_id", column],
        ["evaluation_model.evaluation_id", "evaluation_model.model"],
        name=f"fk_{table}_{column}",
    )


evaluation_metric = Table(
    "evaluation_metric",
    metadata,
    Column("evaluation_id", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("trait", Text, primary_key=True),
    Column("subset", Text, CheckConstraint("subset IN ('common','individual')", name="subset"), primary_key=True),
    Column(
        "metric",
        Text,
        CheckConstraint("metric IN ('mae','bias','qwk','spearman','within_one','mse_macro')", name="metric"),
        primary_key=True,
    ),
    Column("value", Float),  # NULL where it is not defined
    Column("n_used", Integer, nullable=False),
    Column("n_total", Integer, nullable=False),
    Column("n_missing", Integer, nullable=False),
    _of_evaluated_model("evaluation_metric"),
    comment="One further metric of one model on one trait over one subset.",
)

evaluation_comparison = Table(
    "evaluation_comparison",
    metadata,
    Column("evaluation_id", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("other", Text, primary_key=True),  # the one that stands earlier in the table
    Column(
        "measure",
        Text,
        CheckConstraint("measure IN ('penalised','common','validity')", name="measure"),
        primary_key=True,
    ),
    Column("difference", Float),  # model less other; NULL where nothing was used
    Column("ci_low", Float),
    Column("ci_high", Float),
    Column("p_value", Float),
    Column("p_adjusted", Float),  # by Holm, over all pairs under this measure
    Column("distinguishable", Boolean, nullable=False),
    Column("bound_low", Float),  # of the difference over all transcripts, whatever is missing
    Column("bound_high", Float),
    Column("margin", Float),  # only where it is asked whether model is no worse
    Column("p_non_inferior", Float),
    Column("n_used", Integer, nullable=False),
    Column("n_total", Integer, nullable=False),
    Column("n_missing", Integer, nullable=False),
    _of_evaluated_model("evaluation_comparison"),
    _of_evaluated_model("evaluation_comparison", "other"),
    comment="Two models of one evaluation against each other, on the same transcripts; each pair once.",
)

evaluation_tier = Table(
    "evaluation_tier",
    metadata,
    Column("evaluation_id", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("tier", Integer, nullable=False),
    _of_evaluated_model("evaluation_tier"),
    comment="Models of different tiers are distinguishable by penalised MSE; 1 is best.",
)
