WITH answer AS (
    SELECT transcript_id, AVG((predicted_score - label_score) * (predicted_score - label_score)) AS mse
    FROM prediction_scores
    WHERE evaluation_id = :evaluation_id AND model = :model AND predicted_score IS NOT NULL
    GROUP BY transcript_id
), placed AS (
    SELECT transcript_id, mse,
           ROW_NUMBER() OVER (ORDER BY mse, transcript_id) AS place,
           ROW_NUMBER() OVER (ORDER BY mse DESC, transcript_id DESC) AS from_last
    FROM answer
)
SELECT placed.transcript_id, placed.mse, placed.place, placed.from_last,
       SUBSTR(transcript_texts.text, 1, 500) AS text, SUBSTR(outputs.raw_text, 1, 4000) AS raw_text
FROM placed
JOIN transcript_texts ON transcript_texts.transcript_id = placed.transcript_id
JOIN outputs ON outputs.evaluation_id = :evaluation_id AND outputs.model = :model
            AND outputs.transcript_id = placed.transcript_id
WHERE placed.place <= 2 OR placed.from_last <= 2
ORDER BY placed.place
