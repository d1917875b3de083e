-- One row per decision about the champion, whatever it was, with the rules it was made by.
--
-- decision_id, created_at: the decision
-- verdict: `promote` (every rule passed), `hold` (one failed), `inconclusive` (none failed, but not all could be told)
-- model_id, model, run_id: the best epoch of that training
-- champion_id: the champion it was compared with; NULL where there was none and `base-nf4` stood in its place
-- evaluation_id, reported_evaluation_id: as in `champion`
-- decoding: how the models were asked, which is how the champion is
-- reasons: sentences with their figures (a JSON list); the first is what decided
-- rules_version, rules_id, rules: the rules: how they are applied, the hash of their numbers, and these (JSON)
-- rules_fixed_at, predicted_at: when the rules were fixed, and when the first of the epochs was first asked. A
--   constraint of the database lets no decision promote whose rules came later
-- n_passed, n_failed, n_unknown: rules by outcome; all 0 in decisions older than this was kept
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
    (SELECT evaluation.decoding FROM evaluation WHERE evaluation.evaluation_id = decision.evaluation_id) AS decoding,
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
