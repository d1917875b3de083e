-- One row per evaluation and model: how often its output was valid, and how far off it was where it was.
--
-- evaluation_id: hash of dataset, split, decoding, validator and models; the same evaluation has the same id
-- created_at: when it was made
-- split: `validation` (the best epoch is chosen on it) or `test` (only reported on)
-- decoding: `free`, so far; one evaluation has one way of decoding
-- model: `base`, `base-nf4`, `epoch-1`, ..., `unaugmented` (the best epoch of the same training without rewrites, where
--   it was measured), `champion`
-- n_test: transcripts asked
-- valid_strict: outputs that are, to the end, one JSON object that conforms
-- valid_extractable: outputs that are that, or contain such an object between fences or prose
-- valid_repairable: outputs that are that, or become it by repair
-- validity_strict: `valid_strict` / `n_test`, 0 to 1; NULL under `direct`, which yields no text
-- n_common, mse_common: MSE over the six traits on the common subset, and its size
-- n_individual, mse_individual: the same on this model's own valid outputs
-- mse_penalised: MSE over all, invalid outputs counted as the train median
-- mse_lower, mse_upper: best and worst case of what is missing
-- mse_constant: MSE of the constant predictor on the same transcripts
-- is_best_epoch: whether the validation split chose this model
-- dataset_id, run_id: the dataset version and the training run
-- label_model, prompt_version: the labels it is measured against
-- validator: version of the parser that judged the outputs
-- validity_low, validity_high: 95% interval of `validity_strict`: exact (Clopper-Pearson) for as many outputs as
--   independent ones would say the same; where every document has one transcript, that is all of them
-- mse_common_low, mse_common_high: 95% interval of `mse_common`: each transcript's six errors averaged first, then
--   clustered on the source
-- mse_individual_low, mse_individual_high: the same of `mse_individual`
-- mse_penalised_low, mse_penalised_high: the same of `mse_penalised`
-- noise_floor: the lowest MSE that labels as noisy as these allow (see the view `noise_floor`); NULL where it is not
--   known
-- skill: from `mse_penalised`: 0 is the constant predictor, 1 the noise floor (no error at all where the floor is not
--   known), below 0 worse than the constant
-- tier: as in `rank_tiers`
-- worst_trait, mse_worst_trait: the trait with the highest MSE, invalid outputs penalised, and that MSE
--
-- Intervals are NULL with too few sources, or where one source holds nearly all transcripts. What they cover with few documents was
-- simulated: benchmarks/results/interval_coverage.md.
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
    CASE
        WHEN evaluation.decoding <> 'direct'
            THEN CAST(evaluation_model.valid_strict AS DOUBLE PRECISION) / NULLIF(evaluation.n_test, 0)
    END AS validity_strict,
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
    CASE WHEN evaluation.decoding <> 'direct' THEN evaluation_model.validity_low END AS validity_low,
    CASE WHEN evaluation.decoding <> 'direct' THEN evaluation_model.validity_high END AS validity_high,
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
