SELECT DISTINCT evaluation_id, created_at, split, decoding, n_test, dataset_id, run_id, label_model, prompt_version,
       validator, mse_constant
FROM evaluation_summary
WHERE evaluation_id = :evaluation_id
