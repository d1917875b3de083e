-- One row per evaluation, model, trait, label score and predicted score that occurred together; a prediction of NULL is an
-- output that was not strictly valid.
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
