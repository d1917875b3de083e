SELECT trait, label_score, predicted_score, COUNT(*) AS n
FROM prediction_scores
WHERE evaluation_id = :evaluation_id AND model = :model AND predicted_score IS NOT NULL
GROUP BY trait, label_score, predicted_score
ORDER BY trait, label_score, predicted_score
