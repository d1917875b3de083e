SELECT comparisons.measure, comparisons.model, comparisons.other, difference, ci_low, ci_high, p_adjusted,
       distinguishable, n_used, n_total, n_missing
FROM comparisons
JOIN evaluation_summary
    ON evaluation_summary.evaluation_id = comparisons.evaluation_id AND evaluation_summary.model = comparisons.model
WHERE comparisons.evaluation_id = :evaluation_id AND comparisons.other = 'unaugmented'
    AND comparisons.measure <> 'validity' AND is_best_epoch
ORDER BY comparisons.measure
