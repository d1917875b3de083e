SELECT trait, origin, score, n
FROM dataset_scores
WHERE dataset_id = :dataset_id AND split = 'train'
ORDER BY trait, origin, score
