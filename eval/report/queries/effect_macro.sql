SELECT model, trait, mse, mse_macro, n_used, n_total, n_missing
FROM trait_metrics
WHERE evaluation_id = :evaluation_id AND subset = 'common' AND model IN ('unaugmented', :model)
    AND 'unaugmented' IN (SELECT model FROM evaluation_summary WHERE evaluation_id = :evaluation_id)
ORDER BY model, trait
