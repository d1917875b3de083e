SELECT model, failure_code, COUNT(*) AS n
FROM outputs
WHERE evaluation_id = :evaluation_id AND failure_code IS NOT NULL
GROUP BY model, failure_code
ORDER BY n DESC, model, failure_code
