-- One row per evaluation, model, trait and subset; the constant predictor's MSE on all transcripts stands beside it.
--
-- evaluation_id, model, trait: what was measured
-- subset: `common`, `individual` or `penalised`
-- mse: mean squared difference from the label, in points squared; NULL where nothing was used
-- ci_low, ci_high: 95% interval, clustered on the source; NULL where there are too few sources
-- n_used, n_total, n_missing: transcripts used, asked, and not used
-- mse_constant: the constant predictor's on this trait, over all transcripts
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
