SELECT transcript_id, AVG((predicted_score - label_score) * (predicted_score - label_score)) AS mse
FROM prediction_scores
WHERE evaluation_id = :evaluation_id AND model = :model AND predicted_score IS NOT NULL
GROUP BY transcript_id
ORDER BY mse, transcript_id
