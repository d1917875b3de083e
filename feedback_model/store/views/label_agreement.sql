-- One row per ordered pair of labelling configurations (model and prompt) and trait, over the
-- transcripts that both labelled; above 0, the first scores higher.
-- Beside itself, one stands against its hidden labels, asked for again in other words: how well the labeller agrees with itself.
--
-- label_model, prompt_version: the labelling configuration
-- other_label_model, other_prompt_version: the one it is compared with
-- trait, n: the trait, and the transcripts that both labelled
-- difference: mean score less the other's: above 0, this one scores higher
-- mse: mean squared difference
-- equal_share, within_one: shares of equal scores, and of scores at most 1 apart
--
-- `feedback labels drift` adds the intervals and says whether anything moved.
SELECT
    label_score.label_model,
    label_score.prompt_version,
    other.label_model AS other_label_model,
    other.prompt_version AS other_prompt_version,
    label_score.trait,
    COUNT(*) AS n,
    AVG(CAST(label_score.score - other.score AS DOUBLE PRECISION)) AS difference,
    AVG(CAST((label_score.score - other.score) * (label_score.score - other.score) AS DOUBLE PRECISION)) AS mse,
    AVG(CASE WHEN label_score.score = other.score THEN 1.0 ELSE 0.0 END) AS equal_share,
    AVG(CASE WHEN ABS(label_score.score - other.score) <= 1 THEN 1.0 ELSE 0.0 END) AS within_one
FROM label_score
JOIN label_score AS other
    ON other.transcript_id = label_score.transcript_id
    AND other.trait = label_score.trait
    AND other.replicate = CASE
        WHEN other.label_model = label_score.label_model AND other.prompt_version = label_score.prompt_version THEN 1 ELSE 0
    END
WHERE label_score.replicate = 0
GROUP BY
    label_score.label_model, label_score.prompt_version, other.label_model, other.prompt_version, label_score.trait
