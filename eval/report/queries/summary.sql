SELECT model, n_test, valid_strict, valid_extractable, valid_repairable, validity_strict, validity_low, validity_high,
       mse_individual, mse_individual_low, mse_individual_high, n_individual,
       mse_common, mse_common_low, mse_common_high, n_common,
       mse_penalised, mse_penalised_low, mse_penalised_high, mse_lower, mse_upper,
       mse_constant, noise_floor, skill, tier, is_best_epoch
FROM evaluation_summary
WHERE evaluation_id = :evaluation_id
ORDER BY model
