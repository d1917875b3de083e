SELECT decision_id, created_at, verdict, model, model_id, champion_id, evaluation_id, reported_evaluation_id, reasons,
       rules_version, rules, rules_fixed_at, predicted_at, n_passed, n_failed, n_unknown
FROM decisions
WHERE evaluation_id = :evaluation_id OR reported_evaluation_id = :evaluation_id
ORDER BY created_at DESC, decision_id
LIMIT 1
