SELECT summary.model, summary.decoding, summary.n_test, summary.valid_strict, summary.validity_strict,
       summary.mse_penalised, summary.mse_penalised_low, summary.mse_penalised_high, summary.mse_constant, summary.is_best_epoch
FROM evaluation_summary AS summary
WHERE summary.dataset_id = :dataset_id AND summary.run_id = :run_id AND summary.split = :split
  AND summary.created_at = (
      SELECT MAX(newest.created_at) FROM evaluation_summary AS newest
      WHERE newest.dataset_id = :dataset_id AND newest.run_id = :run_id AND newest.split = :split
        AND newest.decoding = summary.decoding AND newest.model = summary.model)
ORDER BY summary.model, summary.decoding
