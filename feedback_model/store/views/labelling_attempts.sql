-- One row per purpose, model, prompt and end of an attempt at a request. `unknown`: no response was seen, though one may have been billed.
-- usd_at_most is what the attempts of that end may have cost beyond what stands in labelling_cost: those that are `open` or `unknown`,
-- and those whose response did not say what it took.
--
-- purpose, label_model, prompt_version: what was asked, as in `labelling_cost`
-- outcome: `answered`, `reclaimed` (found at the provider after it was lost), `refused` (not billed), `unknown`, `open`
--   (under way)
-- error: code of a refusal or of how the end was lost; empty otherwise
-- n_attempts: attempts
-- usd_at_most: what `open` and `unknown` ones may have cost, and answered ones whose response did not say what it took; 0
--   for the others
--
-- Every attempt is written down before it is sent. What became of some, nobody can know: their process was killed, or their
-- connection broke. They are booked here, at the most that they may have cost, and are not part of `labelling_cost`.
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
