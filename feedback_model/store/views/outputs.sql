-- One row per evaluation, model and transcript that was answered: what the model said, and how it was judged.
--
-- evaluation_id, model, transcript_id: which output
-- raw_text: what the model said, unrepaired, NULL under `direct`, which yields no text; PostgreSQL shows U+0000 and broken UTF-8 escaped
-- tier: `strict`, `extractable`, `repairable` or `none`
-- failure_code: the first thing that is wrong; NULL where the tier is `strict`
-- failure_offset: bytes from the start of the output to it
-- failure_pointer: where in the JSON (RFC 6901)
-- finish_reason: `stop` (the end token came) or `length` (the limit did)
-- n_tokens, seconds: length of the output, and its share of the batch's wall time
SELECT
    evaluation_item.evaluation_id,
    evaluation_model.model,
    evaluation_item.transcript_id,
    CASE WHEN evaluation.decoding <> 'direct' THEN {raw_as_text} END AS raw_text,
    judgement.tier,
    judgement.failure_code,
    judgement.failure_offset,
    judgement.failure_pointer,
    output.finish_reason,
    output.n_tokens,
    output.seconds
FROM evaluation_item
JOIN evaluation ON evaluation.evaluation_id = evaluation_item.evaluation_id
JOIN evaluation_model ON evaluation_model.evaluation_id = evaluation_item.evaluation_id
JOIN output
    ON output.inference_id = evaluation_model.inference_id
    AND output.transcript_id = evaluation_item.transcript_id
LEFT JOIN judgement
    ON judgement.validator = evaluation.validator
    AND judgement.inference_id = output.inference_id
    AND judgement.transcript_id = output.transcript_id
