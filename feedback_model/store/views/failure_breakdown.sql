-- One row per evaluation, model, tier and failure code: why outputs were not strictly valid. share is of n_test.
--
-- evaluation_id, model, tier, failure_code: what went wrong
-- n_outputs, n_test, share: how often, of how many, and the fraction
SELECT
    evaluation_item.evaluation_id,
    evaluation_model.model,
    judgement.tier,
    judgement.failure_code,
    COUNT(*) AS n_outputs,
    evaluation.n_test,
    CAST(COUNT(*) AS DOUBLE PRECISION) / NULLIF(evaluation.n_test, 0) AS share
FROM evaluation_item
JOIN evaluation ON evaluation.evaluation_id = evaluation_item.evaluation_id
JOIN evaluation_model ON evaluation_model.evaluation_id = evaluation_item.evaluation_id
JOIN judgement
    ON judgement.validator = evaluation.validator
    AND judgement.inference_id = evaluation_model.inference_id
    AND judgement.transcript_id = evaluation_item.transcript_id
WHERE judgement.failure_code IS NOT NULL
GROUP BY
    evaluation_item.evaluation_id,
    evaluation_model.model,
    judgement.tier,
    judgement.failure_code,
    evaluation.n_test
