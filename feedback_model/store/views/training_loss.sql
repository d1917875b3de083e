-- One row per training run and step: the loss curve.
SELECT
    training_step.run_id,
    training_step.step,
    training_step.epoch,
    training_step.loss,
    training_step.learning_rate
FROM training_step
