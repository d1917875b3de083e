SELECT place, rule, trait, outcome, figure, ci_low, ci_high, threshold, split, n_used, n_total, n_missing, sentence
FROM decision_evidence
WHERE decision_id = :decision_id
ORDER BY place
