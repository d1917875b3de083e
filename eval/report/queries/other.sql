SELECT evaluation_id
FROM evaluation_summary
WHERE split <> :split AND dataset_id = :dataset_id AND decoding = :decoding
  AND COALESCE(run_id, '') = COALESCE(:run_id, '')
  AND ((split = 'validation' AND created_at <= :until) OR (split = 'test' AND created_at >= :until))
ORDER BY CASE WHEN split = 'test' THEN created_at END, created_at DESC, evaluation_id
LIMIT 1
