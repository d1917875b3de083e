-- One row per evaluation, model, dimension and slice of it: MSE over the six traits of what was strictly valid there.
--
-- evaluation_id, model: what was measured
-- dimension: `genre`, `source`, `length` or `speaker`
-- slice: which part of the transcripts; a transcript with several speakers stands in the slice of each who is known by name
-- mse, bias: over the six traits, of the strictly valid outputs in the slice; `bias` is prediction less label
-- n_used, n_total, n_missing: transcripts of the slice: strictly valid, all, and the rest
SELECT
    scored.evaluation_id,
    scored.model,
    'genre' AS dimension,
    transcript.genre AS slice,
    AVG((scored.predicted_score - scored.label_score) * (scored.predicted_score - scored.label_score)) AS mse,
    AVG(scored.predicted_score - scored.label_score) AS bias,
    COUNT(DISTINCT CASE WHEN scored.predicted_score IS NOT NULL THEN scored.transcript_id END) AS n_used,
    COUNT(DISTINCT scored.transcript_id) AS n_total,
    COUNT(DISTINCT scored.transcript_id)
        - COUNT(DISTINCT CASE WHEN scored.predicted_score IS NOT NULL THEN scored.transcript_id END) AS n_missing
FROM prediction_scores AS scored
JOIN transcript ON transcript.transcript_id = scored.transcript_id
GROUP BY scored.evaluation_id, scored.model, transcript.genre
UNION ALL
SELECT
    scored.evaluation_id,
    scored.model,
    'source' AS dimension,
    transcript.source AS slice,
    AVG((scored.predicted_score - scored.label_score) * (scored.predicted_score - scored.label_score)) AS mse,
    AVG(scored.predicted_score - scored.label_score) AS bias,
    COUNT(DISTINCT CASE WHEN scored.predicted_score IS NOT NULL THEN scored.transcript_id END) AS n_used,
    COUNT(DISTINCT scored.transcript_id) AS n_total,
    COUNT(DISTINCT scored.transcript_id)
        - COUNT(DISTINCT CASE WHEN scored.predicted_score IS NOT NULL THEN scored.transcript_id END) AS n_missing
FROM prediction_scores AS scored
JOIN transcript ON transcript.transcript_id = scored.transcript_id
GROUP BY scored.evaluation_id, scored.model, transcript.source
UNION ALL
SELECT
    scored.evaluation_id,
    scored.model,
    'length' AS dimension,
    CASE
        WHEN transcript.n_words < 100 THEN '1-99 words'
        WHEN transcript.n_words < 200 THEN '100-199 words'
        WHEN transcript.n_words < 400 THEN '200-399 words'
        ELSE '400 words and more'
    END AS slice,
    AVG((scored.predicted_score - scored.label_score) * (scored.predicted_score - scored.label_score)) AS mse,
    AVG(scored.predicted_score - scored.label_score) AS bias,
    COUNT(DISTINCT CASE WHEN scored.predicted_score IS NOT NULL THEN scored.transcript_id END) AS n_used,
    COUNT(DISTINCT scored.transcript_id) AS n_total,
    COUNT(DISTINCT scored.transcript_id)
        - COUNT(DISTINCT CASE WHEN scored.predicted_score IS NOT NULL THEN scored.transcript_id END) AS n_missing
FROM prediction_scores AS scored
JOIN transcript ON transcript.transcript_id = scored.transcript_id
GROUP BY scored.evaluation_id, scored.model, CASE
        WHEN transcript.n_words < 100 THEN '1-99 words'
        WHEN transcript.n_words < 200 THEN '100-199 words'
        WHEN transcript.n_words < 400 THEN '200-399 words'
        ELSE '400 words and more'
    END
UNION ALL
SELECT
    scored.evaluation_id,
    scored.model,
    'speaker' AS dimension,
    heard.speaker AS slice,
    AVG((scored.predicted_score - scored.label_score) * (scored.predicted_score - scored.label_score)) AS mse,
    AVG(scored.predicted_score - scored.label_score) AS bias,
    COUNT(DISTINCT CASE WHEN scored.predicted_score IS NOT NULL THEN scored.transcript_id END) AS n_used,
    COUNT(DISTINCT scored.transcript_id) AS n_total,
    COUNT(DISTINCT scored.transcript_id)
        - COUNT(DISTINCT CASE WHEN scored.predicted_score IS NOT NULL THEN scored.transcript_id END) AS n_missing
FROM prediction_scores AS scored
JOIN (
    SELECT DISTINCT occurrence.transcript_id, named.speaker
    FROM occurrence
    JOIN occurrence_speaker ON occurrence_speaker.occurrence_id = occurrence.occurrence_id
    JOIN (
        SELECT occurrence_speaker.person, MIN(occurrence_speaker.speaker) AS speaker
        FROM occurrence_speaker
        WHERE occurrence_speaker.person IS NOT NULL
        GROUP BY occurrence_speaker.person
    ) AS named ON named.person = occurrence_speaker.person
) AS heard ON heard.transcript_id = scored.transcript_id
GROUP BY scored.evaluation_id, scored.model, heard.speaker
