SELECT model, other, measure, difference, ci_low, ci_high, p_adjusted, distinguishable, bound_low, bound_high,
       survives_missing, n_used, n_total, n_missing
FROM comparisons
WHERE evaluation_id = :evaluation_id
ORDER BY measure, model, other
