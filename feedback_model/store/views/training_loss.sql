-- One row per training run and step: the loss curve.
--
-- run_id, step, epoch: when in the training
-- loss: mean over the step's target tokens, in nats
-- learning_rate: at that step
SELECT
    training_step.run_id,
    training_step.step,
    training_step.epoch,
    training_step.loss,
    training_step.learning_rate
FROM training_step
