SELECT summary.model, summary.decoding, summary.n_test, summary.valid_strict, summary.validity_strict,
       summary.mse_penalised, summary.mse_penalised_low, summary.mse_penalised_high, summary.mse_constant, summary.is_best_epoch
FROM evaluation_summary AS summary
WHERE summary.dataset_id = :dataset_id AND summary.run_id = :run_id AND summary.split = :split
  AND summary.created_at = (
      SELECT MIN(beside.created_at) FROM evaluation_summary AS beside
      WHERE beside.dataset_id = :dataset_id AND beside.run_id = :run_id AND beside.split = :split
        AND beside.decoding = summary.decoding AND beside.created_at >= :until)
ORDER BY summary.model, summary.decoding
