-- One row per evaluation, model, transcript and trait that a score distribution was read of (`template` and `direct`).
--
-- evaluation_id, model, transcript_id, trait: whose
-- p_1, p_2, p_3, p_4, p_5, p_6, p_7, p_8, p_9, p_10: how likely the model held each score; they add up to 1
-- expected_score: their mean
-- label_score: the labeller's score
SELECT
    evaluation_item.evaluation_id,
    evaluation_model.model,
    evaluation_item.transcript_id,
    score_distribution.trait,
    score_distribution.p_1,
    score_distribution.p_2,
    score_distribution.p_3,
    score_distribution.p_4,
    score_distribution.p_5,
    score_distribution.p_6,
    score_distribution.p_7,
    score_distribution.p_8,
    score_distribution.p_9,
    score_distribution.p_10,
    1 * score_distribution.p_1
        + 2 * score_distribution.p_2
        + 3 * score_distribution.p_3
        + 4 * score_distribution.p_4
        + 5 * score_distribution.p_5
        + 6 * score_distribution.p_6
        + 7 * score_distribution.p_7
        + 8 * score_distribution.p_8
        + 9 * score_distribution.p_9
        + 10 * score_distribution.p_10 AS expected_score,
    label_score.score AS label_score
FROM evaluation_item
JOIN evaluation ON evaluation.evaluation_id = evaluation_item.evaluation_id
JOIN evaluation_model ON evaluation_model.evaluation_id = evaluation_item.evaluation_id
JOIN score_distribution
    ON score_distribution.inference_id = evaluation_model.inference_id
    AND score_distribution.transcript_id = evaluation_item.transcript_id
JOIN label_score
    ON label_score.transcript_id = evaluation_item.transcript_id
    AND label_score.trait = score_distribution.trait
    AND label_score.label_model = evaluation.label_model
    AND label_score.prompt_version = evaluation.prompt_version
    AND label_score.replicate = 0
