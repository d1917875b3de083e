-- One row per evaluation, model and transcript: the squared error averaged over the six traits; NULL unless strictly valid.
--
-- evaluation_id, model, transcript_id: the output
-- squared_error: mean over the six traits of the squared difference from the label; NULL unless strictly valid
-- bias: mean over the six traits of prediction less label, in points; NULL unless strictly valid
SELECT
    prediction_scores.evaluation_id,
    prediction_scores.model,
    prediction_scores.transcript_id,
    AVG(
        (prediction_scores.predicted_score - prediction_scores.label_score)
        * (prediction_scores.predicted_score - prediction_scores.label_score)
    ) AS squared_error,
    AVG(prediction_scores.predicted_score - prediction_scores.label_score) AS bias
FROM prediction_scores
GROUP BY prediction_scores.evaluation_id, prediction_scores.model, prediction_scores.transcript_id
