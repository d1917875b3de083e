SELECT model, failure_code, SUM(n_outputs) AS n, MAX(n_test) AS n_test
FROM failure_breakdown
WHERE evaluation_id = :evaluation_id
GROUP BY model, failure_code
ORDER BY failure_code, model
