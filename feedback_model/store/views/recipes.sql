-- One row per training run: every field of its recipe.
--
-- run_id, recipe_hash: the run, and the name of its recipe; join `lineage` on `run_id`
-- epochs, rank, alpha, dropout, learning_rate, batch_size, warmup_fraction, weight_decay, max_gradient_norm, max_length,
--   precision, branch_weight, expectation_weight, with_augmented,
--   seed: the fields of the recipe, as docs/reference/recipe.md explains them; NULL where the run
--   is older than the field
-- precision_used, device: what the machine could do with the `precision` asked for, and where
-- precision_reason: why the two differ; empty where they do not
SELECT
    training_run.run_id,
    training_run.recipe_hash,
    {recipe_fields},
    {precision_used} AS precision_used,
    training_run.device,
    {precision_reason} AS precision_reason
FROM training_run
