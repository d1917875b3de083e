-- The champion: whoever was made champion last, or no row before the first.
--
-- promotion_id, promoted_at, kind, promoted_by, reason, decoding, model_id, model, decision_id, reasons, evaluation_id,
--   reported_evaluation_id, base_model, base_revision, stand_in, run_id, epoch, path: as in `champion_history`
SELECT
    promotion_id,
    kind,
    promoted_at,
    promoted_by,
    reason,
    decoding,
    model_id,
    model,
    decision_id,
    evaluation_id,
    reported_evaluation_id,
    reasons,
    base_model,
    base_revision,
    stand_in,
    run_id,
    epoch,
    path
FROM champion_history
WHERE replaced_at IS NULL
