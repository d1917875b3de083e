SELECT model, base_model, base_revision, stand_in, quantised, run_id, recipe_hash, training_code_commit, adapter_sha,
       checkpoint_path, model_id, inference_id, inference_prompt_version, max_new_tokens, device, n_train, n_validation,
       n_test, n_augmented, code_commit
FROM lineage
WHERE evaluation_id = :evaluation_id
ORDER BY model
