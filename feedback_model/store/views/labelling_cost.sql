-- One row per purpose, model and prompt: what was paid for. A request answered twice counts twice, as it was billed.
-- cost_usd sums the n_priced responses whose model has a known price; it is NULL where none has.
--
-- purpose: `label`, `rewrite` (augmentation) or `relabel`
-- label_model, prompt_version: what was asked, and with which prompt
-- requests: responses paid for; one thing asked for twice counts twice, as it was billed
-- prompt_tokens, cached_tokens, completion_tokens: as the endpoint counted them; cached ones are part of the prompt's
-- cost_usd: at the price table's prices; NULL where no price is known
-- n_priced, n_asked: responses with a known price; different things asked for
SELECT
    label_request.purpose,
    label_request.label_model,
    label_request.prompt_version,
    COUNT(*) AS requests,
    SUM(COALESCE(label_response.prompt_tokens, 0)) AS prompt_tokens,
    SUM(COALESCE(label_response.cached_tokens, 0)) AS cached_tokens,
    SUM(COALESCE(label_response.completion_tokens, 0)) AS completion_tokens,
    SUM(label_response.cost_usd) AS cost_usd,
    COUNT(label_response.cost_usd) AS n_priced,
    COUNT(DISTINCT label_response.request_id) AS n_asked
FROM label_response
JOIN label_request ON label_request.request_id = label_response.request_id
GROUP BY label_request.purpose, label_request.label_model, label_request.prompt_version
