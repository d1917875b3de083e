SELECT recipes.run_id, recipes.precision, recipes.precision_used, recipes.precision_reason, recipes.device,
       COUNT(training_loss.step) AS n_steps, SUM(training_loss.n_tokens) AS n_tokens,
       SUM(training_loss.n_tokens) / NULLIF(SUM(training_loss.seconds), 0) AS tokens_per_second,
       MAX(training_loss.peak_memory) AS peak_memory
FROM recipes
LEFT JOIN training_loss ON training_loss.run_id = recipes.run_id
WHERE recipes.run_id = :run_id
GROUP BY recipes.run_id, recipes.precision, recipes.precision_used, recipes.precision_reason, recipes.device
