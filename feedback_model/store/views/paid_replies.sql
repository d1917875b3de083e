-- One row per reply that was paid for, whether it was of use or not.
--
-- reply_id, received_at: the reply, and when it came
-- purpose, label_model, prompt_version, transcript_id: what was asked, as in `labelling_cost`, and about which
--   transcript
-- prompt_tokens, cached_tokens, completion_tokens, cost_usd: what was billed; `cost_usd` is NULL where no price is known
-- problem: code of why it could not be used; NULL where it could
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
