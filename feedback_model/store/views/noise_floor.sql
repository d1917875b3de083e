-- One row per evaluation and trait (`all` is their mean): the lowest MSE that labels as noisy as these allow.
-- No row where no transcript was labelled twice. labeller_mse is what the labeller scores against itself.
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
