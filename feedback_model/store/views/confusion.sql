-- One row per evaluation, model, trait, label score and predicted score that occurred together; a prediction of NULL is an
-- output that was not strictly valid.
--
-- evaluation_id, model, trait: what was measured
-- label_score: what the label says
-- predicted_score: what the model said; NULL where the output was not strictly valid
-- n_outputs: how often; over all rows of a model and trait they add up to `n_test`
SELECT
    prediction_scores.evaluation_id,
    prediction_scores.model,
    prediction_scores.trait,
    prediction_scores.label_score,
    prediction_scores.predicted_score,
    COUNT(*) AS n_outputs
FROM prediction_scores
GROUP BY
    prediction_scores.evaluation_id,
    prediction_scores.model,
    prediction_scores.trait,
    prediction_scores.label_score,
    prediction_scores.predicted_score
