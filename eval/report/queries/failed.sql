WITH broken AS (
    SELECT model, transcript_id, tier, failure_code, failure_offset, failure_pointer, finish_reason, raw_text,
           ROW_NUMBER() OVER (
               PARTITION BY failure_code
               ORDER BY CASE WHEN model = :model THEN 0 ELSE 1 END, model DESC, transcript_id
           ) AS place
    FROM outputs
    WHERE evaluation_id = :evaluation_id AND failure_code IS NOT NULL
)
SELECT broken.model, broken.transcript_id, broken.tier, broken.failure_code, broken.failure_offset,
       broken.failure_pointer, broken.finish_reason, SUBSTR(broken.raw_text, 1, 4000) AS raw_text,
       LENGTH(broken.raw_text) AS characters, SUBSTR(transcript_texts.text, 1, 500) AS text
FROM broken
JOIN transcript_texts ON transcript_texts.transcript_id = broken.transcript_id
WHERE broken.place = 1
ORDER BY CASE WHEN broken.model = :model THEN 0 ELSE 1 END, broken.model DESC, broken.failure_code
LIMIT 4
