SELECT output.raw, transcript.text
FROM evaluation_model
JOIN output ON output.inference_id = evaluation_model.inference_id
JOIN transcript ON transcript.transcript_id = output.transcript_id
WHERE evaluation_model.evaluation_id = :evaluation_id AND evaluation_model.model = :model
  AND output.transcript_id = :transcript_id
