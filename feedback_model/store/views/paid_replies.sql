-- One row per reply that was paid for, whether it was of use or not.
SELECT
    reply.reply_id,
    reply.received_at,
    request.purpose,
    request.label_model,
    request.prompt_version,
    request.transcript_id,
    reply.prompt_tokens,
    reply.cached_tokens,
    reply.completion_tokens,
    reply.cost_usd,
    reply.problem
FROM reply
JOIN request ON request.request_id = reply.request_id
