-- One row per evaluation, model, trait and subset: MSE and what stands beside it; NULL where a metric is not
-- defined.
--
-- evaluation_id, model, trait: what was measured
-- subset: `common` or `individual`: what is missing has no score to measure
-- mse: as in `trait_mse`
-- mse_macro: the MSE of each score the labels have, averaged over those scores: a rare score counts as much as a
--   frequent one
-- mae: mean distance from the label, in points
-- bias: mean of prediction less label, in points; positive where the model flatters
-- within_one: share of predictions at most one point off, 0 to 1
-- qwk: quadratic weighted kappa, agreement beyond chance, -1 to 1; predictions are rounded
-- spearman: correlation of ranks, -1 to 1
-- n_used, n_total, n_missing: transcripts used, asked, and not used
--
-- A metric is NULL where it is not defined: nothing was used, or the scores do not vary.
SELECT
    evaluation_trait.evaluation_id,
    evaluation_trait.model,
    evaluation_trait.trait,
    evaluation_trait.subset,
    evaluation_trait.mse,
    MAX(CASE WHEN evaluation_metric.metric = 'mse_macro' THEN evaluation_metric.value END) AS mse_macro,
    MAX(CASE WHEN evaluation_metric.metric = 'mae' THEN evaluation_metric.value END) AS mae,
    MAX(CASE WHEN evaluation_metric.metric = 'bias' THEN evaluation_metric.value END) AS bias,
    MAX(CASE WHEN evaluation_metric.metric = 'within_one' THEN evaluation_metric.value END) AS within_one,
    MAX(CASE WHEN evaluation_metric.metric = 'qwk' THEN evaluation_metric.value END) AS qwk,
    MAX(CASE WHEN evaluation_metric.metric = 'spearman' THEN evaluation_metric.value END) AS spearman,
    evaluation_trait.n_used,
    evaluation_trait.n_total,
    evaluation_trait.n_missing
FROM evaluation_trait
LEFT JOIN evaluation_metric
    ON evaluation_metric.evaluation_id = evaluation_trait.evaluation_id
    AND evaluation_metric.model = evaluation_trait.model
    AND evaluation_metric.trait = evaluation_trait.trait
    AND evaluation_metric.subset = evaluation_trait.subset
WHERE evaluation_trait.subset IN ('common', 'individual')
GROUP BY
    evaluation_trait.evaluation_id, evaluation_trait.model, evaluation_trait.trait, evaluation_trait.subset,
    evaluation_trait.mse, evaluation_trait.n_used, evaluation_trait.n_total, evaluation_trait.n_missing
