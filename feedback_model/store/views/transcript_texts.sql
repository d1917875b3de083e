-- One row per transcript: its text, where it came from and where it stands.
--
-- transcript_id, source_id, split, origin: the transcript, its document, where it stands, and whether it is `real` or
--   `augmented`
-- source, genre, n_words, landed_at: what is known about it
-- text: as it was landed, after cleaning
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
WHERE transcript.origin <> 'forgotten'
