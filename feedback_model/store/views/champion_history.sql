-- One row each time a champion was made, by evidence or by a rollback; replaced_at is NULL for the one that stands now.
--
-- promotion_id, promoted_at: when; ids count up
-- kind: `promote` (by a decision) or `rollback` (back to a former champion, whose decision stands)
-- promoted_by, reason: the rules' version, or who rolled back (`user@host`) and why; `reason` is NULL for a promotion
-- decoding: how it is asked as champion, `free` or `template`: what was measured best on validation when it was promoted
-- replaced_at: when the next one came; NULL for the champion
-- model_id, model: the weights, and their name in the evaluation that decided
-- decision_id, reasons: the decision it stands on, and its sentences (a JSON list); what each rule found is in
--   `decision_evidence`
-- evaluation_id, reported_evaluation_id: the validation evaluation that decided, and the test evaluation that reports
-- base_model, base_revision, stand_in: the base; `stand_in` is true for the embedded tiny one
-- run_id, epoch, path: the checkpoint; the path is relative to the home folder
SELECT
    promotion.promotion_id,
    promotion.kind,
    promotion.promoted_at,
    promotion.promoted_by,
    promotion.reason,
    promotion.decoding,
    LEAD(promotion.promoted_at) OVER (ORDER BY promotion.promotion_id) AS replaced_at,
    promotion.model_id,
    CASE
        WHEN model_version.epoch IS NOT NULL THEN 'epoch-' || model_version.epoch
        WHEN model_version.quantised THEN 'base-nf4'
        ELSE 'base'
    END AS model,
    promotion.decision_id,
    decision.evaluation_id,
    decision.reported_evaluation_id,
    decision.reasons,
    model_version.base_model,
    model_version.base_revision,
    model_version.stand_in,
    model_version.run_id,
    model_version.epoch,
    checkpoint.path
FROM promotion
JOIN decision ON decision.decision_id = promotion.decision_id
JOIN model_version ON model_version.model_id = promotion.model_id
LEFT JOIN checkpoint ON checkpoint.run_id = model_version.run_id AND checkpoint.epoch = model_version.epoch
