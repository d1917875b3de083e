-- One row per transcript and labelling configuration it was queued for; one row with state 'landed' where it never was.
--
-- transcript_id, split: the transcript
-- state: `landed` (never asked for), `queued`, `claimed` (being asked), `answered` (paid, not yet read), `labelled`,
--   `failed`
-- label_model, prompt_version: the labelling configuration; NULL where the state is `landed`
-- attempts, error: how often it was asked, and the code of the last failure
-- detail: what the endpoint said where it refused this one for good; NULL otherwise
-- source, origin, batch_id, updated_at: where it came from, and when this last changed
SELECT
    transcript.transcript_id,
    transcript.split,
    CASE
        WHEN label_request.state IS NULL THEN 'landed'
        WHEN label_request.state = 'done' THEN 'labelled'
        ELSE label_request.state
    END AS state,
    label_request.label_model,
    label_request.prompt_version,
    COALESCE(label_request.attempts, 0) AS attempts,
    label_request.error,
    label_request.detail,
    transcript.source,
    transcript.origin,
    transcript.batch_id,
    COALESCE(label_request.updated_at, transcript.landed_at) AS updated_at
FROM transcript
LEFT JOIN label_request
    ON label_request.transcript_id = transcript.transcript_id
    AND label_request.replicate = 0
    AND label_request.purpose IN ('label', 'relabel')
WHERE transcript.origin <> 'forgotten'
