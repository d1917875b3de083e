-- One row per evaluation and trait (`all` is their mean): the lowest MSE that labels as noisy as these allow.
-- No row where no transcript was labelled again. labeller_mse is what the labeller scores against itself, asked in other words.
--
-- evaluation_id: the evaluation
-- trait: a trait, or `all`: the mean over traits
-- floor: variance of the labeller's noise, from transcripts it was asked about again in other words: half the mean
--   squared difference of two labels. Against one label no MSE can truly be lower
-- ci_low, ci_high: 95% interval, clustered on the source
-- labeller_mse: twice the floor: what the labeller scores against itself
-- n_used, n_total, n_missing: real transcripts labelled more than once, labelled at all, and labelled once only
SELECT
    evaluation_noise_floor.evaluation_id,
    evaluation_noise_floor.trait,
    evaluation_noise_floor.floor,
    evaluation_noise_floor.ci_low,
    evaluation_noise_floor.ci_high,
    2 * evaluation_noise_floor.floor AS labeller_mse,
    evaluation_noise_floor.n_used,
    evaluation_noise_floor.n_total,
    evaluation_noise_floor.n_missing
FROM evaluation_noise_floor
