SELECT split, model, mse_penalised, mse_penalised_low, mse_penalised_high, mse_constant, valid_strict, n_test
FROM evaluation_summary
WHERE evaluation_id IN (:evaluation_id, :other_evaluation_id) AND (model = 'base-nf4' OR (model LIKE 'epoch-%' AND model NOT LIKE 'epoch-%-%'))
ORDER BY split, model
