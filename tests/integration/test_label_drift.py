"""A new prompt that scores otherwise is noticed, on transcripts that both label sets have."""

from pathlib import Path

import pytest
from sqlalchemy import case, insert, literal, select

from eval.labels import measure_drift, state_drift
from feedback_model.labelling.label import label_missing
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.records.labels import LabellingConfig
from feedback_model.store.connection import Store
from feedback_model.store.labels import read_shared_labels
from feedback_model.store.tables import label, label_score
from tests.labelling_rig import filled_store, settings_for
from tests.openai_rig.process import serving

EARLIER = LabellingConfig("embedded-rubric-3", "label-earlier")


def copy_labels(store: Store, *, kinder: int) -> None:
    """An earlier label set that says the same, but scores formality higher."""
    score = label_score.c.score + case((label_score.c.trait == "formality", kinder), else_=0)
    names = [literal(EARLIER.prompt_version), label.c.transcript_id, label.c.label_model, label.c.replicate]
    with store.write() as connection:
        connection.execute(
            insert(label).from_select(
                ["prompt_version", "transcript_id", "label_model", "replicate", "response_id"],
                select(*names, label.c.response_id),
            )
        )
        columns = ["transcript_id", "label_model", "replicate", "trait", "explanation"]
        connection.execute(
            insert(label_score).from_select(
                ["prompt_version", "score", *columns],
                select(
                    literal(EARLIER.prompt_version),
                    case((score > 10, 10), else_=score),
                    *map(label_score.c.get, columns),
                ),
            )
        )


@pytest.fixture
async def labelled(tmp_path: Path) -> tuple[Store, LabellingConfig]:
    """A store with 40 labelled transcripts, and their label set."""
    with serving() as url:
        settings = settings_for(tmp_path, url)
        store, labelling_config = filled_store(settings, 40), labelling_config_of("openai", settings)
        async with open_labeller("openai", settings) as labeller:
            await label_missing(store, labeller, labelling_config, settings)
    return store, labelling_config


def test_only_the_traits_that_moved_are_named(labelled: tuple[Store, LabellingConfig]) -> None:
    store, labelling_config = labelled
    copy_labels(store, kinder=2)
    (drift,) = map(measure_drift, read_shared_labels(store, labelling_config, most=30))
    assert drift.other == EARLIER
    assert [each.trait for each in drift.moved] == ["formality"]
    alarm = str(state_drift(labelling_config, drift))
    assert "differ from those of embedded-rubric-3 (label-earlier) on 30 transcripts" in alarm


def test_labels_that_agree_raise_no_alarm(labelled: tuple[Store, LabellingConfig]) -> None:
    store, labelling_config = labelled
    assert not list(read_shared_labels(store, labelling_config))
    copy_labels(store, kinder=0)
    (drift,) = map(measure_drift, read_shared_labels(store, labelling_config))
    assert state_drift(labelling_config, drift) is None
