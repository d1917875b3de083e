SELECT split, model, mse_penalised, mse_constant
FROM evaluation_summary
WHERE evaluation_id IN (:evaluation_id, :other_evaluation_id) AND (model = 'base-nf4' OR model LIKE 'epoch-%')
