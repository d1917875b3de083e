-- One row per evaluation and model: everything its figures came from.
SELECT
    evaluation.evaluation_id,
    evaluation_model.model,
    inference.model_id,
    evaluation_model.inference_id,
    checkpoint.path AS checkpoint_path,
    model_version.run_id,
    model_version.epoch,
    model_version.adapter_sha,
    training_run.recipe_hash,
    training_run.dataset_id AS training_dataset_id,
    training_run.code_commit AS training_code_commit,
    evaluation.dataset_id,
    evaluation.label_model,
    evaluation.prompt_version,
    dataset.n_train,
    dataset.n_validation,
    dataset.n_test,
    dataset.n_augmented,
    model_version.base_model,
    model_version.base_revision,
    model_version.stand_in,
    model_version.quantised,
    inference.prompt_version AS inference_prompt_version,
    inference.max_new_tokens,
    inference.device,
    evaluation.decoding,
    evaluation.validator,
    evaluation.split,
    evaluation.code_commit,
    evaluation.created_at
FROM evaluation
JOIN evaluation_model ON evaluation_model.evaluation_id = evaluation.evaluation_id
JOIN inference ON inference.inference_id = evaluation_model.inference_id
JOIN model_version ON model_version.model_id = inference.model_id
JOIN dataset ON dataset.dataset_id = evaluation.dataset_id
LEFT JOIN training_run ON training_run.run_id = model_version.run_id
LEFT JOIN checkpoint ON checkpoint.run_id = model_version.run_id AND checkpoint.epoch = model_version.epoch
