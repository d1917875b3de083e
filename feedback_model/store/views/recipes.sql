-- One row per training run: every field of its recipe.
SELECT
    training_run.run_id,
    training_run.recipe_hash,
    {recipe_fields},
    {precision_used} AS precision_used,
    training_run.device
FROM training_run
