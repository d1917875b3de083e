SELECT model, COUNT(*) AS n, SUM(n_tokens) AS tokens, SUM(seconds) AS seconds,
       SUM(CASE WHEN finish_reason = 'length' THEN 1 ELSE 0 END) AS n_cut
FROM outputs
WHERE evaluation_id = :evaluation_id
GROUP BY model
ORDER BY model
