-- One row per evaluation, model and strictly valid output, the worst first.
--
-- evaluation_id, model, transcript_id: the output
-- place: 1 is the worst
-- squared_error, bias: as in `transcript_errors`
SELECT
    transcript_errors.evaluation_id,
    transcript_errors.model,
    ROW_NUMBER() OVER (
        PARTITION BY transcript_errors.evaluation_id, transcript_errors.model
        ORDER BY transcript_errors.squared_error DESC, transcript_errors.transcript_id
    ) AS place,
    transcript_errors.transcript_id,
    transcript_errors.squared_error,
    transcript_errors.bias
FROM transcript_errors
WHERE transcript_errors.squared_error IS NOT NULL
