SELECT recipes.*
FROM recipes
WHERE run_id IN (SELECT run_id FROM lineage WHERE evaluation_id = :evaluation_id)
ORDER BY run_id
