-- One row per training run and step: the loss curve.
--
-- run_id, step, epoch: when in the training
-- loss: mean over the step's target tokens, in nats
-- learning_rate: at that step
-- n_tokens, seconds, tokens_per_second: of the step, prompts included; NULL where the run is older than these columns
-- peak_memory: most bytes that the process had held by then
SELECT
    training_step.run_id,
    training_step.step,
    training_step.epoch,
    training_step.loss,
    training_step.learning_rate,
    training_step.n_tokens,
    training_step.seconds,
    training_step.n_tokens / NULLIF(training_step.seconds, 0) AS tokens_per_second,
    training_step.peak_memory
FROM training_step
