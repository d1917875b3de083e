SELECT trait, train_mean, mse
FROM evaluation_constant
WHERE evaluation_id = :evaluation_id
