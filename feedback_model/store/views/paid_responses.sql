-- One row per response that was paid for, whether it was of use or not.
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
