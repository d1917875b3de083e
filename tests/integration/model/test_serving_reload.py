"""`feedback serve` follows the champion: it swaps between two batches, and keeps the old one where the new one fails."""

import pytest

from tests.builders import a_speech
from tests.local_service import eventually
from tests.serving_rig import fill_models, lose_model, make_champion, serving

TALK = a_speech(1, 30)


@pytest.fixture
def models(store, micro_base):
    return fill_models(store, micro_base)


def test_a_new_champion_answers_without_a_loss(store, settings, models):
    base, in_4_bits = models
    make_champion(store, base.model_id)
    with serving(settings.home, FEEDBACK_MAX_NEW_TOKENS="3") as served:
        assert served.post(TALK).json["model_id"] == base.model_id
        make_champion(store, in_4_bits.model_id)
        replies = []
        eventually(lambda: replies.append(served.post(TALK)) or replies[-1].json["model_id"] == in_4_bits.model_id)
        assert {reply.status for reply in replies} == {200}
        assert all(reply.json["champion"] for reply in replies)
        assert served.call("GET", "/v1/models").json["data"][0]["id"] == "champion"
        assert "the champion, base-nf4, answers from now on" in served.log.read_text()


def test_a_champion_that_cannot_be_loaded_changes_nothing(store, settings, models, micro_base):
    base, _ = models
    make_champion(store, base.model_id)
    with serving(settings.home, FEEDBACK_MAX_NEW_TOKENS="3") as served:
        make_champion(store, lose_model(store, micro_base))
        eventually(lambda: served.call("GET", "/readyz").json["problem"])
        reply = served.post(TALK)
        assert (reply.status, reply.json["model_id"]) == (200, base.model_id)
        assert served.figure('feedback_reloads_total{outcome="failed"}') == 1
        assert "could not be loaded" in served.log.read_text()
        assert "the model before it goes on answering" in served.log.read_text()
        make_champion(store, base.model_id)
        eventually(lambda: served.call("GET", "/readyz").json["problem"] is None)


def test_a_model_that_was_named_stays(store, settings, models):
    base, in_4_bits = models
    with serving(settings.home, "--model", base.model_id, FEEDBACK_MAX_NEW_TOKENS="3") as served:
        make_champion(store, in_4_bits.model_id)
        assert served.post(TALK).json["model_id"] == base.model_id
        assert "champion" not in served.log.read_text()


def test_a_server_that_cannot_load_ends_in_a_sentence(store, settings, models, micro_base):
    make_champion(store, lose_model(store, micro_base))
    with (
        pytest.raises(AssertionError, match=r"error: the checkpoint .* is gone; run `feedback train`"),
        serving(settings.home),
    ):
        pass
