SELECT trait, floor, ci_low, ci_high, labeller_mse, n_used
FROM noise_floor
WHERE evaluation_id = :evaluation_id
ORDER BY trait
