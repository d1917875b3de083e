-- One row per evaluation, model and failure code, the most frequent first: which few causes make most of the failures.
--
-- evaluation_id, model: whose failures
-- place: 1 is the most frequent
-- failure_code: the first thing that was wrong
-- n_outputs: outputs with that code
-- n_failed, n_test: outputs of the model that were not strictly valid, and all that were asked for
-- share: `n_outputs` / `n_failed`, 0 to 1
-- cumulative_share: the same of this and all more frequent codes
SELECT
    counted.evaluation_id,
    counted.model,
    ROW_NUMBER() OVER (
        PARTITION BY counted.evaluation_id, counted.model ORDER BY counted.n_outputs DESC, counted.failure_code
    ) AS place,
    counted.failure_code,
    counted.n_outputs,
    SUM(counted.n_outputs) OVER (PARTITION BY counted.evaluation_id, counted.model) AS n_failed,
    counted.n_test,
    counted.n_outputs / SUM(counted.n_outputs) OVER (PARTITION BY counted.evaluation_id, counted.model) AS share,
    SUM(counted.n_outputs) OVER (
        PARTITION BY counted.evaluation_id, counted.model
        ORDER BY counted.n_outputs DESC, counted.failure_code
    ) / SUM(counted.n_outputs) OVER (PARTITION BY counted.evaluation_id, counted.model) AS cumulative_share
FROM (
    SELECT
        evaluation_item.evaluation_id,
        evaluation_model.model,
        judgement.failure_code,
        evaluation.n_test,
        CAST(COUNT(*) AS DOUBLE PRECISION) AS n_outputs
    FROM evaluation_item
    JOIN evaluation ON evaluation.evaluation_id = evaluation_item.evaluation_id
    JOIN evaluation_model ON evaluation_model.evaluation_id = evaluation_item.evaluation_id
    JOIN judgement
        ON judgement.validator = evaluation.validator
        AND judgement.inference_id = evaluation_model.inference_id
        AND judgement.transcript_id = evaluation_item.transcript_id
    WHERE judgement.failure_code IS NOT NULL
    GROUP BY evaluation_item.evaluation_id, evaluation_model.model, judgement.failure_code, evaluation.n_test
) AS counted
