"""A dataset version is named by its content and holds what was labelled, no more."""

import pytest
from sqlalchemy import update

from feedback_model.errors import InputError, MissingStage, StoreError
from feedback_model.records.labels import LabellingConfig
from feedback_model.records.transcripts import SPLITS, Transcript
from feedback_model.settings import Settings
from feedback_model.store.burial import bury
from feedback_model.store.connection import Store
from feedback_model.store.datasets import read_dataset
from feedback_model.store.forgetting import Target
from feedback_model.store.tables import label_score
from feedback_model.transcripts.snapshots import read_examples, restore_snapshot, snapshot
from tests.builders import LABEL_SET, a_feedback, a_speech, a_transcript, store_label, store_transcripts


def label_one_of_each_split(store: Store) -> list[Transcript]:
    transcripts = [a_transcript(a_speech(number), split=split) for number, split in enumerate(SPLITS)]
    store_transcripts(store, transcripts)
    for score, transcript in enumerate(transcripts, start=1):
        store_label(store, transcript.transcript_id, a_feedback(*(score,) * 6))
    return transcripts


def test_a_snapshot_reads_back_as_it_was_labelled(any_store: Store, settings: Settings) -> None:
    transcripts = label_one_of_each_split(any_store)
    dataset = snapshot(any_store, settings, LABEL_SET)
    (example,) = read_examples(settings, dataset, "test")
    assert (example.transcript_id, example.text) == (transcripts[2].transcript_id, transcripts[2].text)
    assert example.feedback == a_feedback(3, 3, 3, 3, 3, 3)
    assert (dataset.n_train, dataset.n_validation, dataset.n_test, dataset.n_augmented) == (1, 1, 1, 0)


def test_the_same_labels_make_the_same_version(any_store: Store, settings: Settings) -> None:
    label_one_of_each_split(any_store)
    first, second = snapshot(any_store, settings, LABEL_SET), snapshot(any_store, settings, LABEL_SET)
    assert first == second == read_dataset(any_store, first.dataset_id)
    assert len(list(settings.snapshots.iterdir())) == 1


def test_what_a_labeller_held_likely_comes_along(any_store: Store, settings: Settings) -> None:
    label_one_of_each_split(any_store)
    plain = snapshot(any_store, settings, LABEL_SET)
    soft, means = a_transcript(a_speech(9)), (1.5, 2.25, 3.0, 4.0, 5.0, 6.75)
    store_transcripts(any_store, [soft])
    store_label(any_store, soft.transcript_id, a_feedback(2, 2, 3, 4, 5, 7), expected=means)
    found = read_examples(settings, snapshot(any_store, settings, LABEL_SET), "train")
    assert {example.expected for example in found} == {None, means}
    assert {example.expected for example in read_examples(settings, plain, "train")} == {None}


def test_one_more_label_makes_another_version(store: Store, settings: Settings) -> None:
    label_one_of_each_split(store)
    first = snapshot(store, settings, LABEL_SET)
    newcomer = a_transcript(a_speech(9))
    store_transcripts(store, [newcomer])
    store_label(store, newcomer.transcript_id, a_feedback())
    assert snapshot(store, settings, LABEL_SET).dataset_id != first.dataset_id


def test_a_rewrite_that_was_not_accepted_stays_out(store: Store, settings: Settings) -> None:
    parent, *_ = label_one_of_each_split(store)
    rewrite = a_transcript(a_speech(9), origin="augmented", parent_id=parent.transcript_id)
    store_transcripts(store, [rewrite])
    store_label(store, rewrite.transcript_id, a_feedback())
    assert snapshot(store, settings, LABEL_SET).n_train == 1


def test_labels_of_another_model_stay_out(store: Store, settings: Settings) -> None:
    label_one_of_each_split(store)
    with pytest.raises(MissingStage, match="feedback label"):
        snapshot(store, settings, LabellingConfig("another-model", LABEL_SET.prompt_version))


def test_an_empty_split_is_told(store: Store, settings: Settings) -> None:
    with pytest.raises(MissingStage, match="feedback land"):
        snapshot(store, settings, LABEL_SET)
    lonely = a_transcript(a_speech(1))
    store_transcripts(store, [lonely])
    store_label(store, lonely.transcript_id, a_feedback())
    with pytest.raises(InputError, match="validation and test split would be empty"):
        snapshot(store, settings, LABEL_SET)


def test_another_home_has_the_version_from_the_database(any_store: Store, settings: Settings) -> None:
    """Whatever was labelled since, and byte for byte."""
    label_one_of_each_split(any_store)
    dataset = snapshot(any_store, settings, LABEL_SET)
    newcomer = a_transcript(a_speech(9))
    store_transcripts(any_store, [newcomer])
    store_label(any_store, newcomer.transcript_id, a_feedback())
    other = settings.model_copy(update={"home": settings.home / "other"})
    restore_snapshot(any_store, other, dataset)
    assert (other.home / dataset.path).read_bytes() == (settings.home / dataset.path).read_bytes()


def test_what_is_forgotten_comes_back_in_no_home(store: Store, settings: Settings) -> None:
    """Neither where the file is written anew, nor where it lay before."""
    label_one_of_each_split(store)
    newcomer = a_transcript(a_speech(9))
    store_transcripts(store, [newcomer])
    store_label(store, newcomer.transcript_id, a_feedback())
    dataset = snapshot(store, settings, LABEL_SET)
    bury(store, [newcomer.transcript_id], Target("", "document", lambda _: False, lambda _: False))
    other = settings.model_copy(update={"home": settings.home / "other"})
    for each in (settings, other):
        restore_snapshot(store, each, dataset)
        assert len(read_examples(each, dataset, "train")) == 1


def test_a_version_labels_make_no_more_is_told(store: Store, settings: Settings) -> None:
    transcripts = label_one_of_each_split(store)
    dataset = snapshot(store, settings, LABEL_SET)
    with store.write() as connection:
        changed = label_score.c.transcript_id == transcripts[0].transcript_id
        connection.execute(update(label_score).where(changed).values(score=9))
    (settings.home / dataset.path).unlink()
    with pytest.raises(StoreError, match=r"is not there, and the database makes another of it.*feedback train"):
        restore_snapshot(store, settings, dataset)


def test_a_lost_file_is_told_and_written_again(store: Store, settings: Settings) -> None:
    label_one_of_each_split(store)
    dataset = snapshot(store, settings, LABEL_SET)
    (settings.home / dataset.path).write_bytes(b"no table")
    with pytest.raises(StoreError, match="cannot be read"):
        read_examples(settings, dataset, "train")
    (settings.home / dataset.path).unlink()
    assert snapshot(store, settings, LABEL_SET) == dataset
    assert len(read_examples(settings, dataset, "train")) == 1
