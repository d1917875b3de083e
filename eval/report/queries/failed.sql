SELECT model, transcript_id, tier, failure_code, failure_offset, failure_pointer, finish_reason
FROM outputs
WHERE evaluation_id = :evaluation_id AND failure_code IS NOT NULL
ORDER BY CASE WHEN model = :model THEN 0 ELSE 1 END, model DESC, transcript_id
LIMIT 200
