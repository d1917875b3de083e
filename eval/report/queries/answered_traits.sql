WITH answer AS (
    SELECT transcript_id, AVG((predicted_score - label_score) * (predicted_score - label_score)) AS mse
    FROM prediction_scores
    WHERE evaluation_id = :evaluation_id AND model = :model AND predicted_score IS NOT NULL
    GROUP BY transcript_id
), placed AS (
    SELECT transcript_id,
           ROW_NUMBER() OVER (ORDER BY mse, transcript_id) AS place,
           ROW_NUMBER() OVER (ORDER BY mse DESC, transcript_id DESC) AS from_last
    FROM answer
)
SELECT transcript_id, trait, label_score, predicted_score
FROM prediction_scores
WHERE evaluation_id = :evaluation_id AND model = :model
  AND transcript_id IN (SELECT transcript_id FROM placed WHERE place <= 2 OR from_last <= 2)
ORDER BY transcript_id, trait
