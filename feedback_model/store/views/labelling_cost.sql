-- One row per purpose, model and prompt: what was paid for. A request answered twice counts twice, as it was billed.
-- cost_usd sums the n_priced replies whose model has a known price; it is NULL where none has.
--
-- purpose: `label`, `rewrite` (augmentation) or `relabel`
-- label_model, prompt_version: what was asked, and with which prompt
-- requests: replies paid for; one thing asked for twice counts twice, as it was billed
-- prompt_tokens, cached_tokens, completion_tokens: as the endpoint counted them; cached ones are part of the prompt's
-- cost_usd: at the price table's prices; NULL where no price is known
-- n_priced, n_asked: replies with a known price; different things asked for
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
