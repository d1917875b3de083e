-- One row per evaluation and model: what its answers took. A batch's time is shared out among the outputs it gave.
--
-- evaluation_id, model, device: who answered, and on what
-- n_outputs, n_total: answers there are, and transcripts asked
-- n_tokens, seconds: tokens generated, and the time it took; a batch's time is shared out among its outputs
-- seconds_per_output, tokens_per_second: of them
SELECT
    evaluation_item.evaluation_id,
    evaluation_model.model,
    inference.device,
    COUNT(*) AS n_outputs,
    SUM(output.n_tokens) AS n_tokens,
    SUM(output.seconds) AS seconds,
    SUM(output.seconds) / COUNT(*) AS seconds_per_output,
    SUM(output.n_tokens) / NULLIF(SUM(output.seconds), 0) AS tokens_per_second,
    evaluation.n_test AS n_total
FROM evaluation_item
JOIN evaluation ON evaluation.evaluation_id = evaluation_item.evaluation_id
JOIN evaluation_model ON evaluation_model.evaluation_id = evaluation_item.evaluation_id
JOIN inference ON inference.inference_id = evaluation_model.inference_id
JOIN output
    ON output.inference_id = evaluation_model.inference_id
    AND output.transcript_id = evaluation_item.transcript_id
GROUP BY evaluation_item.evaluation_id, evaluation_model.model, inference.device, evaluation.n_test
