-- One row per purpose, model, prompt and end of a try at a request. `unknown`: no reply was seen, though one may have been billed.
-- usd_at_most is what the tries of that end may have cost beyond what stands in labelling_cost: those that are `open` or `unknown`,
-- and those whose reply did not say what it took.
--
-- purpose, label_model, prompt_version: what was asked, as in `labelling_cost`
-- outcome: `answered`, `reclaimed` (found at the provider after it was lost), `refused` (not billed), `unknown`, `open`
--   (under way)
-- error: code of a refusal or of how the end was lost; empty otherwise
-- n_sends: tries
-- usd_at_most: what `open` and `unknown` ones may have cost, and answered ones whose reply did not say what it took; 0
--   for the others
--
-- Every attempt is written down before it is sent. What became of some, nobody can know: their process was killed, or their
-- connection broke. They are booked here, at the most that they may have cost, and are not part of `labelling_cost`.
SELECT
    request.purpose,
    request.label_model,
    request.prompt_version,
    send.outcome,
    COALESCE(send.error, '') AS error,
    COUNT(*) AS n_sends,
    SUM(
        CASE
            WHEN send.outcome IN ('open', 'unknown') OR (reply.reply_id IS NOT NULL AND reply.cost_usd IS NULL) THEN send.reserved_nanos
            ELSE 0
        END
    ) / CAST(1000000000 AS DOUBLE PRECISION) AS usd_at_most
FROM send
JOIN request ON request.request_id = send.request_id
LEFT JOIN reply ON reply.send_id = send.send_id
GROUP BY request.purpose, request.label_model, request.prompt_version, send.outcome, COALESCE(send.error, '')
