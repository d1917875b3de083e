-- One row per transcript that was forgotten (`feedback forget`): its tombstone, which keeps the text from landing again.
--
-- transcript_id: hash of the text, which is gone
-- split: where it stood
-- forgotten_at: when it was forgotten
SELECT transcript.transcript_id, transcript.split, transcript.forgotten_at
FROM transcript
WHERE transcript.origin = 'forgotten'
