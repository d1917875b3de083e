-- One row per labelling model, rewrite prompt, trait and target score: what became of the rewrites ordered towards it, and
-- what they cost with their blind labels, attempts that missed included. cost_usd is NULL where a reply has no known price.
--
-- label_model, prompt_version: who rewrote and relabelled, and the prompt that asked for the rewrite
-- trait, target_score: the level that was aimed at
-- ordered: rewrites ordered; each ends as one of the next four
-- accepted: relabelled blind at the target score, so part of the train part
-- missed_target, near_duplicate, unusable: relabelled at another score; refused for its likeness to a known transcript;
--   no usable text or label
-- pending: without a verdict yet
-- n_replies, cost_usd: responses paid for, rewrites and blind labels together, misses included; NULL where one has no
--   known price
-- cost_per_accepted_usd: `cost_usd` / `accepted`; NULL where nothing was accepted
--
-- How many rewrites a plan wants depends on the share that a call names, so it stands in what `feedback augment` prints, not here.
WITH asked AS (
    SELECT augmentation.request_id AS rewrite_id, augmentation.request_id AS request_id
    FROM augmentation
    UNION ALL
    SELECT augmentation.request_id AS rewrite_id, relabelling.request_id
    FROM augmentation
    JOIN label_request AS rewriting ON rewriting.request_id = augmentation.request_id
    JOIN label_request AS relabelling
        ON relabelling.transcript_id = augmentation.transcript_id
        AND relabelling.purpose = 'relabel'
        AND relabelling.label_model = rewriting.label_model
),
paid AS (
    SELECT
        asked.rewrite_id,
        COUNT(*) AS n_replies,
        COUNT(label_response.cost_usd) AS n_priced,
        SUM(label_response.cost_usd) AS cost_usd
    FROM asked
    JOIN label_response ON label_response.request_id = asked.request_id
    GROUP BY asked.rewrite_id
),
counted AS (
    SELECT
        label_request.label_model,
        label_request.prompt_version,
        augmentation.trait,
        augmentation.target_score,
        COUNT(*) AS ordered,
        SUM(CASE WHEN augmentation.outcome = 'accepted' THEN 1 ELSE 0 END) AS accepted,
        SUM(CASE WHEN augmentation.outcome = 'missed_target' THEN 1 ELSE 0 END) AS missed_target,
        SUM(CASE WHEN augmentation.outcome = 'near_duplicate' THEN 1 ELSE 0 END) AS near_duplicate,
        SUM(CASE WHEN augmentation.outcome = 'unusable' THEN 1 ELSE 0 END) AS unusable,
        SUM(CASE WHEN augmentation.outcome = 'pending' THEN 1 ELSE 0 END) AS pending,
        CAST(COALESCE(SUM(paid.n_replies), 0) AS INTEGER) AS n_replies,
        CASE
            WHEN COALESCE(SUM(paid.n_replies), 0) = COALESCE(SUM(paid.n_priced), 0)
                THEN COALESCE(SUM(paid.cost_usd), 0.0)
        END AS cost_usd
    FROM augmentation
    JOIN label_request ON label_request.request_id = augmentation.request_id
    LEFT JOIN paid ON paid.rewrite_id = augmentation.request_id
    GROUP BY label_request.label_model, label_request.prompt_version, augmentation.trait, augmentation.target_score
)
SELECT
    label_model,
    prompt_version,
    trait,
    target_score,
    ordered,
    accepted,
    missed_target,
    near_duplicate,
    unusable,
    pending,
    n_replies,
    cost_usd,
    cost_usd / NULLIF(accepted, 0) AS cost_per_accepted_usd
FROM counted
