-- One row per evaluation and ordered pair of models: how far off `other` was where `model` was valid, and where it was not.
-- Much more error where it was not says that `model` failed on the hard transcripts, and that its own MSE flatters it.
--
-- evaluation_id, model, other: `model` chose, by failing; `other` is the measure
-- mse_where_valid, n_where_valid: MSE of `other` on the transcripts where `model` was strictly valid, and how many
-- mse_where_invalid, n_where_invalid: the same where `model` was not. Much higher: `model` failed on the hard
--   transcripts, and its own MSE flatters it
-- n_used, n_total, n_missing: transcripts on which `other` was valid, all, and the rest
SELECT
    own.evaluation_id,
    own.model,
    other.model AS other,
    AVG(
        CASE WHEN own.predicted_score IS NOT NULL
            THEN (other.predicted_score - other.label_score) * (other.predicted_score - other.label_score) END
    ) AS mse_where_valid,
    COUNT(
        DISTINCT CASE WHEN own.predicted_score IS NOT NULL AND other.predicted_score IS NOT NULL THEN own.transcript_id END
    ) AS n_where_valid,
    AVG(
        CASE WHEN own.predicted_score IS NULL
            THEN (other.predicted_score - other.label_score) * (other.predicted_score - other.label_score) END
    ) AS mse_where_invalid,
    COUNT(
        DISTINCT CASE WHEN own.predicted_score IS NULL AND other.predicted_score IS NOT NULL THEN own.transcript_id END
    ) AS n_where_invalid,
    COUNT(DISTINCT CASE WHEN other.predicted_score IS NOT NULL THEN own.transcript_id END) AS n_used,
    COUNT(DISTINCT own.transcript_id) AS n_total,
    COUNT(DISTINCT own.transcript_id)
        - COUNT(DISTINCT CASE WHEN other.predicted_score IS NOT NULL THEN own.transcript_id END) AS n_missing
FROM prediction_scores AS own
JOIN prediction_scores AS other
    ON other.evaluation_id = own.evaluation_id
    AND other.transcript_id = own.transcript_id
    AND other.trait = own.trait
    AND other.model <> own.model
GROUP BY own.evaluation_id, own.model, other.model
