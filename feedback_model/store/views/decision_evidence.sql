-- One row per decision and rule (and trait): what was asked, what was found, and in how many transcripts.
SELECT
    evidence.decision_id,
    evidence.place,
    evidence.rule,
    evidence.trait,
    evidence.outcome,
    evidence.figure,
    evidence.ci_low,
    evidence.ci_high,
    evidence.threshold,
    evidence.evaluation_id,
    evaluation.split,
    evaluation.n_test AS n_used,
    evaluation.n_test AS n_total,
    0 AS n_missing,
    evidence.sentence
FROM evidence
JOIN evaluation ON evaluation.evaluation_id = evidence.evaluation_id
