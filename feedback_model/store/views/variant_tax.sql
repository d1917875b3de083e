-- One row per evaluation and variant: what another form of the same weights costs (`base-nf4` beside `base`, an export beside
-- the model that it was made of), and whether it stays within the margins.
-- The verdict is joint: no worse only where all three are shown to be (an intersection-union test, each at 2.5%, one-sided).
--
-- evaluation_id, split: the evaluation
-- model, original: the variant, and the model whose weights it has in another form
-- penalised_difference, penalised_low, penalised_high: MSE of the variant less that of the original, invalid outputs penalised,
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
    penalised.evaluation_id,
    evaluation.split,
    penalised.model,
    penalised.other AS original,
    penalised.difference AS penalised_difference,
    penalised.ci_low AS penalised_low,
    penalised.ci_high AS penalised_high,
    penalised.margin AS penalised_margin,
    penalised.p_non_inferior AS penalised_p,
    common.difference AS common_difference,
    common.ci_low AS common_low,
    common.ci_high AS common_high,
    common.margin AS common_margin,
    common.p_non_inferior AS common_p,
    validity.difference AS validity_difference,
    validity.ci_low AS validity_low,
    validity.ci_high AS validity_high,
    validity.margin AS validity_margin,
    validity.p_non_inferior AS validity_p,
    CASE
        WHEN penalised.p_non_inferior < 0.025 AND common.p_non_inferior < 0.025 AND validity.p_non_inferior < 0.025
            THEN 'no worse'
        WHEN penalised.ci_low > penalised.margin OR common.ci_low > common.margin
            OR validity.ci_high < -validity.margin
            THEN 'worse'
        ELSE 'not resolved'
    END AS verdict,
    common.n_used AS n_common,
    penalised.n_used,
    penalised.n_total,
    penalised.n_missing
FROM evaluation_comparison AS penalised
JOIN evaluation ON evaluation.evaluation_id = penalised.evaluation_id
JOIN evaluation_comparison AS common
    ON common.evaluation_id = penalised.evaluation_id
    AND common.model = penalised.model
    AND common.other = penalised.other
    AND common.measure = 'common'
JOIN evaluation_comparison AS validity
    ON validity.evaluation_id = penalised.evaluation_id
    AND validity.model = penalised.model
    AND validity.other = penalised.other
    AND validity.measure = 'validity'
WHERE penalised.measure = 'penalised' AND penalised.margin IS NOT NULL
