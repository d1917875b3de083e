-- Every pair of models of an evaluation on each trait, once each way: MSE of `model` less that of `other`.
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
