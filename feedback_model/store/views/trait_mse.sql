-- One row per evaluation, model, trait and subset; the constant predictor's MSE on all transcripts stands beside it.
SELECT
    evaluation_trait.evaluation_id,
    evaluation_trait.model,
    evaluation_trait.trait,
    evaluation_trait.subset,
    evaluation_trait.mse,
    evaluation_trait.ci_low,
    evaluation_trait.ci_high,
    evaluation_trait.n_used,
    evaluation_trait.n_total,
    evaluation_trait.n_missing,
    evaluation_constant.mse AS mse_constant
FROM evaluation_trait
LEFT JOIN evaluation_constant
    ON evaluation_constant.evaluation_id = evaluation_trait.evaluation_id
    AND evaluation_constant.trait = evaluation_trait.trait
