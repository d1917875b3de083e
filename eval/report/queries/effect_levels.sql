SELECT model, trait, label_score, mse, n_used, n_total, n_missing
FROM score_level_errors
WHERE evaluation_id = :evaluation_id AND model IN ('unaugmented', :model)
    AND 'unaugmented' IN (SELECT model FROM evaluation_summary WHERE evaluation_id = :evaluation_id)
ORDER BY trait, model, label_score
