-- One row per evaluation and model: how often it was valid, and how far off where it was.
-- skill is 1 at the noise floor (0 where that is not known), 0 at the constant predictor.
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
    evaluation.validator,
    evaluation_model.validity_low,
    evaluation_model.validity_high,
    evaluation_model.mse_common_low,
    evaluation_model.mse_common_high,
    evaluation_model.mse_individual_low,
    evaluation_model.mse_individual_high,
    evaluation_model.mse_penalised_low,
    evaluation_model.mse_penalised_high,
    evaluation_noise_floor.floor AS noise_floor,
    (evaluation.mse_constant - evaluation_model.mse_penalised)
        / NULLIF(evaluation.mse_constant - COALESCE(evaluation_noise_floor.floor, 0), 0) AS skill,
    evaluation_tier.tier,
    evaluation_model.worst_trait,
    evaluation_model.mse_worst_trait
FROM evaluation
JOIN evaluation_model ON evaluation_model.evaluation_id = evaluation.evaluation_id
LEFT JOIN evaluation_noise_floor
    ON evaluation_noise_floor.evaluation_id = evaluation.evaluation_id AND evaluation_noise_floor.trait = 'all'
LEFT JOIN evaluation_tier
    ON evaluation_tier.evaluation_id = evaluation_model.evaluation_id AND evaluation_tier.model = evaluation_model.model
