SELECT split, COUNT(*) AS n_evaluations, MIN(created_at) AS first_look, MAX(created_at) AS last_look
FROM (
    SELECT DISTINCT evaluation_id, split, created_at
    FROM evaluation_summary
    WHERE dataset_id = :dataset_id AND created_at <= :until
) AS looked
GROUP BY split
ORDER BY split
