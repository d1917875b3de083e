-- One row per purpose, model, prompt and end of an attempt at a request. `unknown`: no response was seen, though one may have been billed.
-- usd_at_most is what the attempts of that end may have cost beyond what stands in labelling_cost: those that are `open` or `unknown`,
-- and those whose response did not say what it took.
SELECT
    label_request.purpose,
    label_request.label_model,
    label_request.prompt_version,
    label_attempt.outcome,
    COALESCE(label_attempt.error, '') AS error,
    COUNT(*) AS n_attempts,
    SUM(
        CASE
            WHEN label_attempt.outcome IN ('open', 'unknown') OR (label_response.response_id IS NOT NULL AND label_response.cost_usd IS NULL) THEN label_attempt.reserved_nanos
            ELSE 0
        END
    ) / CAST(1000000000 AS DOUBLE PRECISION) AS usd_at_most
FROM label_attempt
JOIN label_request ON label_request.request_id = label_attempt.request_id
LEFT JOIN label_response ON label_response.attempt_id = label_attempt.attempt_id
GROUP BY label_request.purpose, label_request.label_model, label_request.prompt_version, label_attempt.outcome, COALESCE(label_attempt.error, '')
