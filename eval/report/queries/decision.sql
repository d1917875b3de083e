WITH kin AS (
    SELECT DISTINCT other.evaluation_id
    FROM evaluation_summary AS own
    JOIN evaluation_summary AS other ON other.run_id = own.run_id AND other.dataset_id = own.dataset_id
    WHERE own.evaluation_id = :evaluation_id
)
SELECT decision_id, created_at, verdict, model, model_id, champion_id, evaluation_id, reported_evaluation_id, decoding, reasons,
       rules_version, rules, rules_fixed_at, predicted_at, n_passed, n_failed, n_unknown
FROM decisions
WHERE evaluation_id = :evaluation_id OR reported_evaluation_id = :evaluation_id
   OR evaluation_id IN (SELECT evaluation_id FROM kin)
ORDER BY CASE WHEN :evaluation_id IN (evaluation_id, reported_evaluation_id) THEN 0 ELSE 1 END, created_at DESC, decision_id
LIMIT 1
