-- One row per dataset version and held-out split: how often it was looked at. Each look makes the next figure a little less new.
--
-- dataset_id, split: what was looked at
-- n_looks: evaluations that used it; each makes the next figure a little less new
-- n_models: ways of asking a model that were measured on it
-- first_at, last_at: the first and the latest of them
SELECT
    evaluation.dataset_id,
    evaluation.split,
    COUNT(DISTINCT evaluation.evaluation_id) AS n_looks,
    COUNT(DISTINCT evaluation_model.inference_id) AS n_models,
    MIN(evaluation.created_at) AS first_at,
    MAX(evaluation.created_at) AS last_at
FROM evaluation
JOIN evaluation_model ON evaluation_model.evaluation_id = evaluation.evaluation_id
GROUP BY evaluation.dataset_id, evaluation.split
