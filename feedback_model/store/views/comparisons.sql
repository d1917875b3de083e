-- Every pair of models of an evaluation under each measure, once each way: `model` less `other`.
WITH each_way AS (
    SELECT
        evaluation_id, model, other, measure, difference, ci_low, ci_high, p_value, p_adjusted, distinguishable,
        bound_low, bound_high, margin, p_non_inferior, n_used, n_total, n_missing
    FROM evaluation_comparison
    UNION ALL
    SELECT
        evaluation_id, other, model, measure, 0 - difference, 0 - ci_high, 0 - ci_low, p_value, p_adjusted, distinguishable,
        0 - bound_high, 0 - bound_low, NULL, NULL, n_used, n_total, n_missing
    FROM evaluation_comparison
)
SELECT
    each_way.evaluation_id,
    evaluation.split,
    each_way.model,
    each_way.other,
    each_way.measure,
    each_way.difference,
    each_way.ci_low,
    each_way.ci_high,
    each_way.p_value,
    each_way.p_adjusted,
    each_way.distinguishable,
    each_way.bound_low,
    each_way.bound_high,
    CASE
        WHEN each_way.bound_low IS NULL OR each_way.difference IS NULL THEN NULL
        WHEN each_way.difference > 0 AND each_way.bound_low > 0 THEN TRUE
        WHEN each_way.difference < 0 AND each_way.bound_high < 0 THEN TRUE
        ELSE FALSE
    END AS survives_missing,
    each_way.margin,
    each_way.p_non_inferior,
    each_way.n_used,
    each_way.n_total,
    each_way.n_missing
FROM each_way
JOIN evaluation ON evaluation.evaluation_id = each_way.evaluation_id
