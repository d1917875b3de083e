SELECT step, epoch, loss
FROM training_loss
WHERE run_id = :run_id
  AND step % (SELECT MAX(step) / 300 + 1 FROM training_loss WHERE run_id = :run_id) = 0
ORDER BY step
