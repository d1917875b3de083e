-- The champion: the last promotion, or no row before the first.
SELECT
    promotion_id,
    promoted_at,
    model_id,
    model,
    decision_id,
    evaluation_id,
    reasons,
    base_model,
    base_revision,
    stand_in,
    run_id,
    epoch,
    path
FROM champion_history
WHERE replaced_at IS NULL
