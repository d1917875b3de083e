SELECT model, trait, subset, mse, ci_low, ci_high, n_used, n_total, n_missing, mse_constant
FROM trait_mse
WHERE evaluation_id = :evaluation_id
ORDER BY subset, model, trait
