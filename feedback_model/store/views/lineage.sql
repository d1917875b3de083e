-- One row per evaluation and model: everything its figures came from.
--
-- evaluation_id, model, split, decoding, validator, created_at, code_commit: the evaluation
-- model_id, inference_id, inference_prompt_version, max_new_tokens, device: what was asked, and how
-- base_model, base_revision, stand_in, quantised: the base
-- run_id, epoch, checkpoint_path, adapter_sha: the adapter; NULL for bases
-- variant, weights_sha: the form that an export gave the weights, such as `gguf-q8_0`, and the hash of its files; NULL for
--   a model's own weights
-- recipe_hash, training_dataset_id, training_code_commit: how it was trained
-- dataset_id, n_train, n_validation, n_test, n_augmented: the dataset it is measured on
-- label_model, prompt_version: the labelling configuration
SELECT
    evaluation.evaluation_id,
    evaluation_model.model,
    inference.model_id,
    evaluation_model.inference_id,
    checkpoint.path AS checkpoint_path,
    model_version.run_id,
    model_version.epoch,
    model_version.adapter_sha,
    model_version.variant,
    model_version.weights_sha,
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
