"""Tables of evaluations: figures by model and trait, and every pair of models compared."""

from sqlalchemy import Boolean, CheckConstraint, Column, Float, ForeignKey, ForeignKeyConstraint, Integer, Table, Text

from feedback_model.store.tables.definitions import metadata

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
    sqlite_with_rowid=False,  # all of it is key: a rowid would keep every row twice
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
    Column("model", Text, primary_key=True),  # base, base-nf4, epoch-N, unaugmented, champion
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
    # 95% intervals; NULL with too few documents
    Column("mse_common_low", Float),
    Column("mse_common_high", Float),
    Column("mse_individual_low", Float),
    Column("mse_individual_high", Float),
    Column("mse_penalised_low", Float),
    Column("mse_penalised_high", Float),
    Column("validity_low", Float),
    Column("validity_high", Float),
    Column("worst_trait", Text),  # by penalised MSE, which is then:
    Column("mse_worst_trait", Float),
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

evaluation_trait_comparison = Table(
    "evaluation_trait_comparison",
    metadata,
    Column("evaluation_id", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("other", Text, primary_key=True),
    Column("measure", Text, CheckConstraint("measure IN ('penalised','common')", name="measure"), primary_key=True),
    Column("trait", Text, primary_key=True),
    Column("difference", Float),
    Column("ci_low", Float),
    Column("ci_high", Float),
    Column("p_value", Float),
    Column("p_adjusted", Float),  # by Holm, over all pairs and traits under this measure
    Column("distinguishable", Boolean, nullable=False),
    Column("n_used", Integer, nullable=False),
    Column("n_total", Integer, nullable=False),
    Column("n_missing", Integer, nullable=False),
    _of_evaluated_model("evaluation_trait_comparison"),
    _of_evaluated_model("evaluation_trait_comparison", "other"),
    comment="The same pair of models on one trait.",
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

evaluation_noise_floor = Table(
    "evaluation_noise_floor",
    metadata,
    Column("evaluation_id", Text, ForeignKey("evaluation.evaluation_id"), primary_key=True),
    Column("trait", Text, primary_key=True),  # `all` is the mean over traits
    Column("floor", Float, nullable=False),
    Column("ci_low", Float),
    Column("ci_high", Float),
    Column("n_used", Integer, nullable=False),
    Column("n_total", Integer, nullable=False),
    Column("n_missing", Integer, nullable=False),
    comment="Variance of the labeller's noise, from transcripts labelled more than once: no MSE can be lower.",
)
