"""The model card beside a promoted adapter: readable by Hugging Face's tools, and it says what the store says."""

from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from sqlalchemy import update

from eval.promote import decide_and_record, publish_model_card
from feedback_model.errors import StoreError
from feedback_model.records.evaluation import Evaluation
from feedback_model.records.promotion import Decision
from feedback_model.settings import Settings
from feedback_model.store import tables
from tests.databases import OpenFilled
from tests.evaluated_run import RUN, Evaluated, evaluate_larger, open_evaluated, put_adapters


@pytest.fixture
def evaluated(store_with: OpenFilled) -> Evaluated:
    return open_evaluated(store_with, evaluate_larger)


@pytest.fixture
def promoted(evaluated: Evaluated, settings: Settings) -> tuple[Decision, Evaluation, Path]:
    put_adapters(evaluated.store, settings.home)
    test = evaluated.test
    decision = decide_and_record(evaluated.store, settings.home, evaluated.validation.evaluation_id, test.evaluation_id)
    return decision, test, settings.home / f"checkpoints/{RUN}" / decision.model / "README.md"


def test_the_cards_figures_are_those_stored(promoted: tuple[Decision, Evaluation, Path]) -> None:
    decision, test, path = promoted
    results = ModelCard.load(path).data.eval_results
    row = test.model(decision.model)
    assert results is not None
    assert row is not None
    on_test = {each.metric_type: each for each in results if each.dataset_split == "test"}
    assert on_test["mse"].metric_value == row.mse_penalised
    assert on_test["mse"].metric_args == {"n": 60, "ci_low": row.mse_penalised_low, "ci_high": row.mse_penalised_high}
    assert on_test["validity"].metric_value == row.valid_strict / 60
    assert len(results) == 2 * (2 + 6)


def test_the_card_names_its_demo_parts(promoted: tuple[Decision, Evaluation, Path]) -> None:
    decision, test, path = promoted
    card = ModelCard.load(path)
    assert card.data.base_model is None  # the demo's base is none that anyone could fetch
    assert "demo" in (card.data.tags or [])
    for words in ("## Demo parts", "embedded-rubric-3", "learning_rate", "It became champion", *decision.reasons):
        assert words in card.text
    assert f"| test (reported) | 60 | {test.model(decision.model).valid_strict} " in card.text  # type: ignore[union-attr]


def test_real_base_and_demo_labels_are_told_apart(evaluated: Evaluated, settings: Settings) -> None:
    """A card of a real base under the demo's labels names the base on the hub, and the labels alone as the demo's."""
    with evaluated.store.write() as connection:
        for table in (tables.training_run, tables.model_version):
            connection.execute(update(table).values(base_model="smollm2", stand_in=False))
    put_adapters(evaluated.store, settings.home)
    both = (evaluated.validation.evaluation_id, evaluated.test.evaluation_id)
    decision = decide_and_record(evaluated.store, settings.home, *both)
    card = ModelCard.load(settings.home / f"checkpoints/{RUN}" / decision.model / "README.md")
    assert (card.data.base_model, card.data.license) == ("HuggingFaceTB/SmolLM2-135M-Instruct", "apache-2.0")
    assert "demo" in (card.data.tags or [])
    assert "embedded-rubric-3" in card.text
    assert "The base is the demo model" not in card.text


def test_the_same_decision_writes_the_same_card_once(
    promoted: tuple[Decision, Evaluation, Path], evaluated: Evaluated, settings: Settings
) -> None:
    decision, _, path = promoted
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert publish_model_card(evaluated.store, settings.home, decision) == path
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert {each.name for each in path.parent.iterdir()} == {"README.md", "adapter_model.safetensors"}


def test_a_card_that_cannot_be_written_is_told(
    promoted: tuple[Decision, Evaluation, Path], evaluated: Evaluated, settings: Settings
) -> None:
    decision, _, path = promoted
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match=r"model card .* cannot be written"):
        publish_model_card(evaluated.store, settings.home, decision)


def test_an_adapter_not_on_disk_gets_no_card(
    promoted: tuple[Decision, Evaluation, Path], evaluated: Evaluated, tmp_path: Path
) -> None:
    assert publish_model_card(evaluated.store, tmp_path / "elsewhere", promoted[0]) is None
