"""Labelling is shared with other hosts where there is enough of it for them to begin."""

from feedback_model.labelling.label import SHARED_FROM, is_worth_sharing
from feedback_model.records.labels import LabellingConfig
from feedback_model.store.connection import Store
from tests.builders import a_speech, a_transcript, store_transcripts

CONFIG = LabellingConfig("embedded-rubric-3", "label-1")


def test_few_missing_labels_are_no_work_for_two(store: Store) -> None:
    talks = [a_transcript(a_speech(number)) for number in range(SHARED_FROM)]
    store_transcripts(store, talks[1:])
    assert not is_worth_sharing(store, CONFIG)
    store_transcripts(store, talks[:1])
    assert is_worth_sharing(store, CONFIG)
