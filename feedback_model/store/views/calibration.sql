-- One row per evaluation, model, trait and score that was predicted: what the labels of those transcripts were on average.
--
-- evaluation_id, model, trait: what was measured
-- predicted_score: a score the model gave
-- mean_label: the mean label where it gave that score; the two are equal where a model is calibrated
-- n_outputs: outputs with that score
-- n_used, n_total, n_missing: outputs of the model that are strictly valid, were asked for, and are neither
SELECT
    prediction_scores.evaluation_id,
    prediction_scores.model,
    prediction_scores.trait,
    prediction_scores.predicted_score,
    AVG(CAST(prediction_scores.label_score AS DOUBLE PRECISION)) AS mean_label,
    COUNT(*) AS n_outputs,
    evaluation_model.n_individual AS n_used,
    evaluation.n_test AS n_total,
    evaluation.n_test - evaluation_model.n_individual AS n_missing
FROM prediction_scores
JOIN evaluation ON evaluation.evaluation_id = prediction_scores.evaluation_id
JOIN evaluation_model
    ON evaluation_model.evaluation_id = prediction_scores.evaluation_id
    AND evaluation_model.model = prediction_scores.model
WHERE prediction_scores.predicted_score IS NOT NULL
GROUP BY
    prediction_scores.evaluation_id,
    prediction_scores.model,
    prediction_scores.trait,
    prediction_scores.predicted_score,
    evaluation_model.n_individual,
    evaluation.n_test
