-- One row per model, rewrite prompt, trait and target score: what became of the rewrites, and what a kept one cost.
-- cost_usd takes in the rewrites that missed, and the blind label of each text; NULL where a price is unknown.
SELECT
    request.label_model,
    request.prompt_version,
    augmentation.trait,
    augmentation.target_score,
    COUNT(*) AS ordered,
    SUM(CASE WHEN augmentation.outcome = 'accepted' THEN 1 ELSE 0 END) AS accepted,
    SUM(CASE WHEN augmentation.outcome = 'missed_target' THEN 1 ELSE 0 END) AS missed_target,
    SUM(CASE WHEN augmentation.outcome = 'near_duplicate' THEN 1 ELSE 0 END) AS near_duplicate,
    SUM(CASE WHEN augmentation.outcome = 'unusable' THEN 1 ELSE 0 END) AS unusable,
    SUM(CASE WHEN augmentation.outcome = 'pending' THEN 1 ELSE 0 END) AS pending,
    SUM(paid.cost_usd) AS cost_usd,
    SUM(paid.cost_usd) / NULLIF(SUM(CASE WHEN augmentation.outcome = 'accepted' THEN 1 ELSE 0 END), 0) AS cost_per_accepted_usd
FROM augmentation
JOIN request ON request.request_id = augmentation.request_id
LEFT JOIN (
    SELECT augmentation.request_id, SUM(reply.cost_usd) AS cost_usd
    FROM augmentation
    JOIN request AS rewritten ON rewritten.request_id = augmentation.request_id
    JOIN request AS paid_request
        ON paid_request.request_id = augmentation.request_id
        OR (
            paid_request.purpose = 'relabel'
            AND paid_request.transcript_id = augmentation.transcript_id
            AND paid_request.label_model = rewritten.label_model
        )
    JOIN reply ON reply.request_id = paid_request.request_id
    GROUP BY augmentation.request_id
) AS paid ON paid.request_id = augmentation.request_id
GROUP BY request.label_model, request.prompt_version, augmentation.trait, augmentation.target_score
