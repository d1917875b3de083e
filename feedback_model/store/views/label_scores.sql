-- One row per labelled transcript, labelling configuration, replicate and trait.
-- expected_score is the mean over the score's distribution; NULL where the provider was not asked or did not tell it.
--
-- transcript_id, source_id, split: what was labelled
-- origin: `real` or `augmented`
-- label_model, prompt_version: the labelling configuration; labels of two never mix in a dataset
-- replicate: 0 is the label that counts; higher ones were asked for again in other words, to measure the labeller's noise
-- trait, score, explanation: the label
-- expected_score: mean over the score's distribution (FEEDBACK_SOFT_LABELS); NULL where it was not told
-- evidence: what the labeller quoted for the score, empty where nothing; NULL in labels from before it was asked for
-- evidence_found: whether the transcript holds the evidence; NULL where nothing was quoted
SELECT
    label_score.transcript_id,
    transcript.source_id,
    transcript.split,
    transcript.origin,
    label_score.label_model,
    label_score.prompt_version,
    label_score.replicate,
    label_score.trait,
    label_score.score,
    label_score.explanation,
    label_score.expected_score,
    label_score.evidence,
    label_score.evidence_found
FROM label_score
JOIN transcript ON transcript.transcript_id = label_score.transcript_id
