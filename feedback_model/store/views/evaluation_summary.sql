-- One row per evaluation and model: how often it was valid, and how far off where it was.
SELECT
    evaluation.evaluation_id,
    evaluation.created_at,
    evaluation.split,
    evaluation.decoding,
    evaluation_model.model,
    evaluation.n_test,
    evaluation_model.valid_strict,
    evaluation_model.valid_extractable,
    evaluation_model.valid_repairable,
    CAST(evaluation_model.valid_strict AS DOUBLE PRECISION) / NULLIF(evaluation.n_test, 0) AS validity_strict,
    evaluation_model.n_common,
    evaluation_model.mse_common,
    evaluation_model.n_individual,
    evaluation_model.mse_individual,
    evaluation_model.mse_penalised,
    evaluation_model.mse_lower,
    evaluation_model.mse_upper,
    evaluation.mse_constant,
    evaluation_model.is_best_epoch,
    evaluation.dataset_id,
    evaluation.run_id,
    evaluation.label_model,
    evaluation.prompt_version,
    evaluation.validator
FROM evaluation
JOIN evaluation_model ON evaluation_model.evaluation_id = evaluation.evaluation_id
