"""Land what lies in the inbox, and say that data waits: what starts a retraining by itself."""

from prefect import flow

from feedback_model.transcripts.reading_options import ReadingOptions
from flows.parameters import Encoding, Redact, Speaker, SpeakerColumn, TextColumn
from tasks.endings import completed
from tasks.landing import announce_unclaimed, land_files, look_into_inbox, settle_inbox


@flow(name="land", description="Land the files of the inbox and wake retraining where data waits.")
async def land(
    speaker: Speaker = "all",
    redact: Redact = False,
    text_column: TextColumn = "",
    speaker_column: SpeakerColumn = "",
    encoding: Encoding = "",
) -> int:
    """Land every file that lies in `$FEEDBACK_HOME/inbox`; returns how many batches wait to be trained on."""
    files = await look_into_inbox()
    if files:
        landed = await land_files(files, ReadingOptions(text_column, speaker_column, speaker, encoding, redact))
        await settle_inbox(files, landed)
    waiting = await announce_unclaimed()
    return completed(waiting, f"files landed: {len(files)}; landings that wait to be trained on: {waiting}")
