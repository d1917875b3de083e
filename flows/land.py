"""Land what lies in the inbox, and say that data waits: what starts a retraining by itself."""

from prefect import flow

from tasks.landing import announce_unclaimed, land_files, look_into_inbox, settle_inbox


@flow(name="land", description="Land the files of the inbox and wake retraining where data waits.")
async def land() -> int:
    """Land every file that lies in `$FEEDBACK_HOME/inbox`; returns how many batches wait to be trained on."""
    files = await look_into_inbox()
    if files:
        await land_files(files)
        await settle_inbox(files)
    return await announce_unclaimed()
