"""A batch is retrained on once: claimed by one, free again when that one dies or gives it back."""

from datetime import UTC, datetime, timedelta

from feedback_model.store.batches import (
    CLAIM_LIFETIME,
    claim_batches,
    finish_batches,
    release_batches,
    unclaimed_batches,
)
from feedback_model.store.connection import Store
from feedback_model.store.owners import process_owner
from feedback_model.store.tables import batch
from feedback_model.store.transcripts import BatchCounts, close_batch, count_transcripts, transcripts
from tests.builders import a_speech, a_transcript, store_transcripts
from tests.owners import owner_that_ended

DEAD = owner_that_ended()


def land_batches(store: Store, *names: str) -> None:
    for name in names:
        close_batch(store, name, "tests", ids=[], counts=BatchCounts(1, 0, 0, 0), rejects=[])


def test_a_claimed_batch_is_nobody_elses(any_store: Store) -> None:
    land_batches(any_store, "b1", "b2")
    assert claim_batches(any_store, process_owner()) == ("b1", "b2")
    assert claim_batches(any_store, "elsewhere:1:1") == unclaimed_batches(any_store) == ()
    assert claim_batches(any_store, process_owner()) == ("b1", "b2")


def test_what_a_dead_owner_claimed_is_free(any_store: Store) -> None:
    land_batches(any_store, "b1")
    claim_batches(any_store, DEAD)
    assert unclaimed_batches(any_store) == ("b1",)
    assert claim_batches(any_store, process_owner()) == ("b1",)


def test_a_claim_from_elsewhere_expires(store: Store) -> None:
    land_batches(store, "b1")
    claim_batches(store, "a flow run")
    assert unclaimed_batches(store) == ()
    with store.write() as connection:
        long_ago = (datetime.now(UTC) - CLAIM_LIFETIME - timedelta(minutes=1)).isoformat()
        connection.execute(batch.update().values(claimed_at=long_ago))
    assert unclaimed_batches(store) == ("b1",)


def test_finished_is_for_ever_and_released_is_free(any_store: Store) -> None:
    land_batches(any_store, "b1", "b2")
    claim_batches(any_store, process_owner())
    finish_batches(any_store, ["b1"])
    release_batches(any_store, ["b1", "b2"])
    assert claim_batches(any_store, "elsewhere:1:1") == ("b2",)


def test_transcripts_are_found_by_split_origin_and_id(any_store: Store) -> None:
    stored = [a_transcript(a_speech(number), split=split) for number, split in enumerate(("train", "test"))]
    store_transcripts(any_store, stored)
    assert transcripts(any_store, split="test") == [stored[1]]
    assert transcripts(any_store, ids=[stored[0].transcript_id, "unknown"]) == [stored[0]]
    assert transcripts(any_store, origin="augmented") == []
    assert count_transcripts(any_store) == 2
