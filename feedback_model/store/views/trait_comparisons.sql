-- Every pair of models of an evaluation on each trait, once each way: MSE of `model` less that of `other`.
--
-- evaluation_id, split, model, other: as in `comparisons`
-- measure: `penalised` or `common`, as there
-- trait: the trait
-- difference, ci_low, ci_high: MSE of `model` less that of `other` on this trait, with the 95% interval of this one
--   difference
-- p_value: of the exact test, as in `comparisons`
-- p_adjusted: after Holm's correction, over all pairs and all traits under this measure
-- distinguishable: whether `p_adjusted` is below 0.05
-- n_used, n_total, n_missing: transcripts used, asked, and not used
WITH each_way AS (
    SELECT
        evaluation_id, model, other, measure, trait, difference, ci_low, ci_high, p_value, p_adjusted, distinguishable,
        n_used, n_total, n_missing
    FROM evaluation_trait_comparison
    UNION ALL
    SELECT
        evaluation_id, other, model, measure, trait, 0 - difference, 0 - ci_high, 0 - ci_low, p_value, p_adjusted,
        distinguishable, n_used, n_total, n_missing
    FROM evaluation_trait_comparison
)
SELECT
    each_way.evaluation_id,
    evaluation.split,
    each_way.model,
    each_way.other,
    each_way.measure,
    each_way.trait,
    each_way.difference,
    each_way.ci_low,
    each_way.ci_high,
    each_way.p_value,
    each_way.p_adjusted,
    each_way.distinguishable,
    each_way.n_used,
    each_way.n_total,
    each_way.n_missing
FROM each_way
JOIN evaluation ON evaluation.evaluation_id = each_way.evaluation_id
