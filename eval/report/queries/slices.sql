WITH ranked AS (
    SELECT dimension, slice, mse, bias, n_used, n_total,
           COUNT(*) OVER (PARTITION BY dimension) AS n_slices,
           ROW_NUMBER() OVER (PARTITION BY dimension ORDER BY n_total DESC, slice) AS place
    FROM slices
    WHERE evaluation_id = :evaluation_id AND model = :model
)
SELECT dimension, slice, mse, bias, n_used, n_total, n_slices
FROM ranked
WHERE place <= 12 AND (n_slices > 1 OR dimension = 'speaker')
ORDER BY dimension, place
