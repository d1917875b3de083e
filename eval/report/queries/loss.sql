SELECT training_step.step, training_step.epoch, training_step.loss
FROM training_step
JOIN evaluation ON evaluation.run_id = training_step.run_id
WHERE evaluation.evaluation_id = :evaluation_id
ORDER BY training_step.step
