SELECT model, trait, mse, ci_low, ci_high, n_used, n_total, n_missing
FROM trait_mse
WHERE evaluation_id = :evaluation_id AND subset = 'penalised'
