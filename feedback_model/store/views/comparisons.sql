-- Every pair of models of an evaluation under each measure, once each way: `model` less `other`.
--
-- evaluation_id, split: the evaluation
-- model, other: who is compared with whom; every pair stands here once each way
-- measure: `penalised`: MSE over all transcripts, invalid outputs counted as the train median. `common`: MSE where these
--   two are both valid. `validity`: share of strictly valid outputs
-- difference: `model` less `other`, on the same transcripts; below zero `model` has the smaller MSE, or the smaller
--   share
-- ci_low, ci_high: 95% interval of this one difference, clustered on the source
-- p_value: of an exact test that the two are alike, over every sign pattern of the documents' differences; for validity,
--   where every document has one transcript, that is McNemar's
-- p_adjusted: after Holm's correction, over all pairs of the evaluation under this measure
-- distinguishable: whether `p_adjusted` is below 0.05
-- bound_low, bound_high: what the difference in MSE over all transcripts could be, whatever the missing outputs had
--   said; NULL for validity
-- survives_missing: whether the sign of `difference` stands whatever they had said
-- margin: only for a variant against its original (`base-nf4` and `base`, an export): how much worse still counts as no worse (0.5 points squared, 0.05 of the
--   outputs)
-- p_non_inferior: one-sided, of being worse by the margin or more; below 0.025 the variant is shown to cost less than
--   that
-- n_used, n_total, n_missing: transcripts used, asked, and not used
--
-- The interval of a difference in validity counts two transcripts more, one won by each side (Bonett and Price), so that two models
-- that are both nearly always valid are not taken to be known alike. Test and interval take the document as the unit: segments of
-- one document change sign together. McNemar's test on transcripts would call models different far too often where segments of one
-- document fail together (benchmarks/results/test_size.md).
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
