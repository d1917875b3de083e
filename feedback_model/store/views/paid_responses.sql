-- One row per response that was paid for, whether it was of use or not.
--
-- response_id, received_at: the response, and when it came
-- purpose, label_model, prompt_version, transcript_id: what was asked, as in `labelling_cost`, and about which
--   transcript
-- prompt_tokens, cached_tokens, completion_tokens, cost_usd: what was billed; `cost_usd` is NULL where no price is known
-- problem: code of why it could not be used; NULL where it could
SELECT
    label_response.response_id,
    label_response.received_at,
    label_request.purpose,
    label_request.label_model,
    label_request.prompt_version,
    label_request.transcript_id,
    label_response.prompt_tokens,
    label_response.cached_tokens,
    label_response.completion_tokens,
    label_response.cost_usd,
    label_response.problem
FROM label_response
JOIN label_request ON label_request.request_id = label_response.request_id
