-- One row per evaluation, model, transcript and trait: the label beside the prediction.
-- predicted_score is NULL unless the output was strictly valid: a missing prediction is missing, never zero. Under the decoding
-- `direct`, which yields no text, it is the expected score.
--
-- evaluation_id, model, transcript_id, trait: which prediction
-- label_score: the labeller's score, 1 to 10
-- predicted_score: the model's; NULL unless its whole output was strictly valid, or scores alone were asked for
SELECT
    evaluation_item.evaluation_id,
    evaluation_model.model,
    evaluation_item.transcript_id,
    label_score.trait,
    label_score.score AS label_score,
    CASE label_score.trait
        WHEN 'formality' THEN judgement.formality
        WHEN 'persuasiveness' THEN judgement.persuasiveness
        WHEN 'enthusiasm' THEN judgement.enthusiasm
        WHEN 'empathy' THEN judgement.empathy
        WHEN 'filler_words' THEN judgement.filler_words
        WHEN 'transition_logic' THEN judgement.transition_logic
    END AS predicted_score
FROM evaluation_item
JOIN evaluation ON evaluation.evaluation_id = evaluation_item.evaluation_id
JOIN evaluation_model ON evaluation_model.evaluation_id = evaluation_item.evaluation_id
LEFT JOIN judgement
    ON judgement.validator = evaluation.validator
    AND judgement.inference_id = evaluation_model.inference_id
    AND judgement.transcript_id = evaluation_item.transcript_id
JOIN label_score
    ON label_score.transcript_id = evaluation_item.transcript_id
    AND label_score.label_model = evaluation.label_model
    AND label_score.prompt_version = evaluation.prompt_version
    AND label_score.replicate = 0
