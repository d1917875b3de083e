-- One row per evaluation that measured base and base-nf4: what quantising costs, and whether it stays within the margins.
-- The verdict is joint: no worse only where all three are shown to be (an intersection-union test, each at 2.5%, one-sided).
--
-- evaluation_id: the evaluation
-- penalised_difference, penalised_low, penalised_high: MSE of `base-nf4` less that of `base`, invalid outputs penalised,
--   with its 95% interval
-- common_difference, common_low, common_high: the same where both are valid
-- validity_difference, validity_low, validity_high: difference of the shares of strictly valid outputs
-- penalised_margin, common_margin, validity_margin: how much worse still counts as no worse, fixed beforehand
-- penalised_p, common_p, validity_p: one-sided, of being worse by the margin or more
-- verdict: `no worse` (all three p below 0.025), `worse` (one interval lies beyond its margin), else `not resolved`: a
--   large p-value is not parity
-- n_common: transcripts valid for both
-- n_used, n_total, n_missing: transcripts of the penalised comparison
SELECT
    evaluation_id,
    penalised_difference,
    penalised_low,
    penalised_high,
    penalised_margin,
    penalised_p,
    common_difference,
    common_low,
    common_high,
    common_margin,
    common_p,
    validity_difference,
    validity_low,
    validity_high,
    validity_margin,
    validity_p,
    verdict,
    n_common,
    n_used,
    n_total,
    n_missing
FROM variant_tax
WHERE model = 'base-nf4' AND original = 'base'
