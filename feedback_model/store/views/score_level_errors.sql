-- One row per evaluation, model, trait and label score: the error on the transcripts with that label. Macro MSE is the mean
-- of these over label scores, so rare scores can be looked at one by one. mse is NULL where no output was strictly valid.
--
-- evaluation_id, model, trait: where
-- label_score: the score that the label has; macro MSE is the mean of `mse` over these
-- mse: error on the transcripts with that label, strictly valid outputs only; NULL where none was
-- n_used, n_total, n_missing: outputs used, of all with that label, and how many were not strictly valid
SELECT
    evaluation_id,
    model,
    trait,
    label_score,
    AVG(CAST((predicted_score - label_score) * (predicted_score - label_score) AS DOUBLE PRECISION)) AS mse,
    COUNT(predicted_score) AS n_used,
    COUNT(*) AS n_total,
    COUNT(*) - COUNT(predicted_score) AS n_missing
FROM prediction_scores
GROUP BY evaluation_id, model, trait, label_score
