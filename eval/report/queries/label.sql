SELECT label_score.trait, label_score.score
FROM evaluation
JOIN label_score ON label_score.label_model = evaluation.label_model
                AND label_score.prompt_version = evaluation.prompt_version
                AND label_score.replicate = 0
WHERE evaluation.evaluation_id = :evaluation_id AND label_score.transcript_id = :transcript_id
