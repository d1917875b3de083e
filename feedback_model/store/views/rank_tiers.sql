-- One row per evaluation and model: its tier by penalised MSE. Models of different tiers are distinguishable.
--
-- evaluation_id, split, model: who
-- tier: 1 is best; models of different tiers are distinguishable by penalised MSE. Within a tier, at least one chain of
--   pairs is not
-- mse_penalised: what it is ordered by
-- n_in_tier: models that share the tier
-- n_used, n_total, n_missing: transcripts; penalised uses all
SELECT
    evaluation.evaluation_id,
    evaluation.split,
    evaluation_tier.tier,
    evaluation_tier.model,
    evaluation_model.mse_penalised,
    COUNT(*) OVER (PARTITION BY evaluation_tier.evaluation_id, evaluation_tier.tier) AS n_in_tier,
    evaluation.n_test AS n_used,
    evaluation.n_test AS n_total,
    0 AS n_missing
FROM evaluation_tier
JOIN evaluation ON evaluation.evaluation_id = evaluation_tier.evaluation_id
JOIN evaluation_model
    ON evaluation_model.evaluation_id = evaluation_tier.evaluation_id
    AND evaluation_model.model = evaluation_tier.model
