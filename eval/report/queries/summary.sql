SELECT model, n_test, valid_strict, valid_extractable, valid_repairable, mse_individual, n_individual,
       mse_common, n_common, mse_penalised, mse_lower, mse_upper, mse_constant, is_best_epoch
FROM evaluation_summary
WHERE evaluation_id = :evaluation_id
