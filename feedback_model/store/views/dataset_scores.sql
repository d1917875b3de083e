-- One row per dataset version, split, origin, trait and score: how many transcripts have it as their label.
--
-- dataset_id, split, origin, trait, score: which labels
-- n: transcripts of that part of the dataset with this label
SELECT
    dataset.dataset_id,
    dataset_item.split,
    transcript.origin,
    label_score.trait,
    label_score.score,
    COUNT(*) AS n
FROM dataset
JOIN dataset_item ON dataset_item.dataset_id = dataset.dataset_id
JOIN transcript ON transcript.transcript_id = dataset_item.transcript_id
JOIN label_score
    ON label_score.transcript_id = dataset_item.transcript_id
    AND label_score.label_model = dataset.label_model
    AND label_score.prompt_version = dataset.prompt_version
    AND label_score.replicate = 0
GROUP BY dataset.dataset_id, dataset_item.split, transcript.origin, label_score.trait, label_score.score
