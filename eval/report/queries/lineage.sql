SELECT *
FROM lineage
WHERE evaluation_id = :evaluation_id
