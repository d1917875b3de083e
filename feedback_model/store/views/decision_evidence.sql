-- One row per decision and rule (and trait): what was asked, what was found, and in how many transcripts.
--
-- decision_id, place: the decision, and the rule's place in it
-- rule: `incumbent`, `constant`, `validity`, `trait` or `preregistered`: docs/decisions/0006 says
--   what each asks
-- trait: which, under the rule `trait`; else NULL
-- outcome: `pass`, `fail`, or `unknown` (the interval holds the threshold, or a figure is missing)
-- figure: the share of strictly valid outputs, or a difference of penalised MSE: the epoch's less the other's
-- ci_low, ci_high: its interval, at 95% for all epochs (under `trait`: and all traits) together
-- threshold: what the interval had to stay above (`validity`) or below
-- evaluation_id, split: what it was measured in
-- n_used, n_total, n_missing: transcripts; all are used
-- sentence: the same for a person
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
