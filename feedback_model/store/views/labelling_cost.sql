-- One row per purpose, model and prompt: what was paid for. A request answered twice counts twice, as it was billed.
-- cost_usd sums the n_priced replies whose model has a known price; it is NULL where none has.
SELECT
    request.purpose,
    request.label_model,
    request.prompt_version,
    COUNT(*) AS requests,
    SUM(COALESCE(reply.prompt_tokens, 0)) AS prompt_tokens,
    SUM(COALESCE(reply.cached_tokens, 0)) AS cached_tokens,
    SUM(COALESCE(reply.completion_tokens, 0)) AS completion_tokens,
    SUM(reply.cost_usd) AS cost_usd,
    COUNT(reply.cost_usd) AS n_priced,
    COUNT(DISTINCT reply.request_id) AS n_asked
FROM reply
JOIN request ON request.request_id = reply.request_id
GROUP BY request.purpose, request.label_model, request.prompt_version
