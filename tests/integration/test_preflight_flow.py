"""The preflight in its flows: a base that cannot be trained costs no label."""

import pytest

from feedback_model.errors import ConfigurationError, ModelError
from feedback_model.settings import Settings
from flows.pipeline import pipeline
from flows.preflight import preflight
from tests.labelling_rig import filled_store, requests_seen
from tests.micro_model import save_micro_model
from tests.openai_rig.process import serving
from tests.prefect_api import PrefectApi

# Prefect leaves the sockets of its clients to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _settings(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("FEEDBACK_LABEL_MODEL", "embedded-rubric-3")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


async def test_no_label_for_a_broken_base(prefect_api: PrefectApi, settings, monkeypatch, tmp_path) -> None:
    """Weights that lack a part end the loop before the endpoint is asked for anything."""
    broken = save_micro_model(tmp_path / "base", vocab_size=200, max_position_embeddings=8_192)
    filled_store(settings, 24).close()
    with serving() as url:
        monkeypatch.setenv("FEEDBACK_OPENAI_BASE_URL", url)
        with pytest.raises(ModelError, match=r"embeddings for 200 tokens alone.*--base-model"):
            await pipeline(base_model=str(broken))
        assert requests_seen(url) == 0


async def test_no_label_for_a_recipe_without_room(prefect_api: PrefectApi, settings, monkeypatch, tmp_path) -> None:
    good = save_micro_model(tmp_path / "base", max_position_embeddings=8_192)
    filled_store(settings, 24).close()
    with serving() as url:
        monkeypatch.setenv("FEEDBACK_OPENAI_BASE_URL", url)
        with pytest.raises(ConfigurationError, match=r"trained on 300 tokens at a time.*max_length="):
            await pipeline(base_model=str(good), max_length=300)
        assert requests_seen(url) == 0


async def test_a_good_base_passes_its_flow(prefect_api: PrefectApi, store, tmp_path) -> None:
    good = save_micro_model(tmp_path / "base", max_position_embeddings=8_192)
    for _ in range(2):
        await preflight(base_model=str(good), max_length=8_192)
    assert len(list((tmp_path / "cache" / "feedback-model" / "checked-bases").iterdir())) == 1
