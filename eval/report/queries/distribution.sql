SELECT label_score.trait, transcript.origin, label_score.score, COUNT(*) AS n
FROM evaluation
JOIN dataset_item ON dataset_item.dataset_id = evaluation.dataset_id AND dataset_item.split = 'train'
JOIN transcript ON transcript.transcript_id = dataset_item.transcript_id
JOIN label_score ON label_score.transcript_id = dataset_item.transcript_id
                AND label_score.label_model = evaluation.label_model
                AND label_score.prompt_version = evaluation.prompt_version
                AND label_score.replicate = 0
WHERE evaluation.evaluation_id = :evaluation_id
GROUP BY label_score.trait, transcript.origin, label_score.score
