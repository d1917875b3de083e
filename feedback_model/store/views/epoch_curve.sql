-- One row per training run, epoch and evaluation of it: how the model went on while it was trained.
--
-- run_id, epoch: the checkpoint
-- evaluation_id, split, model: where it was measured, and as what
-- train_loss: mean training loss of the epoch, in nats
-- validity_strict, mse_penalised, mse_penalised_low, mse_penalised_high, is_best_epoch: as in `evaluation_summary`
-- n_valid, n_total: transcripts with a strictly valid output, and all
SELECT
    model_version.run_id,
    model_version.epoch,
    evaluation.evaluation_id,
    evaluation.split,
    evaluation_model.model,
    checkpoint.train_loss,
    CAST(evaluation_model.valid_strict AS DOUBLE PRECISION) / NULLIF(evaluation.n_test, 0) AS validity_strict,
    evaluation_model.mse_penalised,
    evaluation_model.mse_penalised_low,
    evaluation_model.mse_penalised_high,
    evaluation_model.is_best_epoch,
    evaluation_model.n_individual AS n_valid,
    evaluation.n_test AS n_total
FROM evaluation
JOIN evaluation_model ON evaluation_model.evaluation_id = evaluation.evaluation_id
JOIN inference ON inference.inference_id = evaluation_model.inference_id
JOIN model_version ON model_version.model_id = inference.model_id
JOIN checkpoint ON checkpoint.run_id = model_version.run_id AND checkpoint.epoch = model_version.epoch
