-- One row per place where a transcript's text was found and speaker heard in it; one row with a NULL speaker where the file names nobody.
--
-- transcript_id: the text
-- document: the recording: the user's name of it, else a hash of its text
-- record_id: the id that its user gave it; NULL where there is none
-- locator: where it stands: `file`, `file:line` or `file row n`
-- speaker: as the file names them
-- person: the same in one spelling; NULL where it is a label such as `Speaker 1`, which means somebody else in each recording
-- piece, pieces: which piece of the recording, or of what its speaker said in it, counted from 1, and of how many
-- start_seconds, end_seconds: of the turns of which it has words, from the recording's beginning; NULL where the file has no times
-- language: as the file calls it
-- split, landed_at: where the transcript stands, and when it was landed from there
SELECT
    occurrence.transcript_id,
    occurrence.document,
    occurrence.record_id,
    occurrence.locator,
    occurrence_speaker.speaker,
    occurrence_speaker.person,
    occurrence.piece,
    occurrence.pieces,
    occurrence.start_seconds,
    occurrence.end_seconds,
    occurrence.language,
    transcript.split,
    occurrence.landed_at
FROM occurrence
JOIN transcript ON transcript.transcript_id = occurrence.transcript_id
LEFT JOIN occurrence_speaker ON occurrence_speaker.occurrence_id = occurrence.occurrence_id
