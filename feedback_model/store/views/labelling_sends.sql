-- One row per purpose, model, prompt and end of a try at a request. `unknown`: no reply was seen, though one may have been billed.
-- usd_at_most is what the tries of that end may have cost beyond what stands in labelling_cost: those that are `open` or `unknown`,
-- and those whose reply did not say what it took.
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
