-- One row per transcript: its text, where it came from and where it stands.
SELECT
    transcript.transcript_id,
    transcript.source_id,
    transcript.split,
    transcript.origin,
    transcript.source,
    transcript.genre,
    transcript.n_words,
    transcript.landed_at,
    transcript.text
FROM transcript
