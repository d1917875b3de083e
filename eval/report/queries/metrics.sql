SELECT model, trait, mse, mse_macro, mae, bias, within_one, qwk, spearman, n_used, n_total, n_missing
FROM trait_metrics
WHERE evaluation_id = :evaluation_id AND subset = 'individual'
ORDER BY model, trait
