-- One row per decision about the champion, whatever it was, with the rules it was made by.
SELECT
    decision.decision_id,
    decision.created_at,
    decision.verdict,
    decision.model_id,
    CASE
        WHEN model_version.epoch IS NOT NULL THEN 'epoch-' || model_version.epoch
        WHEN model_version.quantised THEN 'base-nf4'
        ELSE 'base'
    END AS model,
    model_version.run_id,
    decision.champion_id,
    decision.evaluation_id,
    decision.reported_evaluation_id,
    decision.reasons,
    promotion_rules.version AS rules_version,
    promotion_rules.rules_id,
    promotion_rules.rules,
    decision.rules_fixed_at,
    decision.predicted_at,
    (SELECT COUNT(*) FROM evidence WHERE evidence.decision_id = decision.decision_id AND outcome = 'pass') AS n_passed,
    (SELECT COUNT(*) FROM evidence WHERE evidence.decision_id = decision.decision_id AND outcome = 'fail') AS n_failed,
    (SELECT COUNT(*) FROM evidence WHERE evidence.decision_id = decision.decision_id AND outcome = 'unknown') AS n_unknown
FROM decision
JOIN model_version ON model_version.model_id = decision.model_id
JOIN promotion_rules ON promotion_rules.rules_number = decision.rules_number
