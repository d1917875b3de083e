"""A base that passed is not loaded again for the same recipe on the same machine."""

import json

import pytest

from feedback_model.errors import ModelError
from feedback_model.records.training import BaseModel
from feedback_model.training import preflight
from feedback_model.training.base_model import resolve_base
from feedback_model.training.checked_bases import check_once
from tests.micro_model import a_recipe, save_micro_model

RECIPE = a_recipe(max_length=8_192)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return resolve_base(str(save_micro_model(tmp_path_factory.mktemp("good") / "base", max_position_embeddings=8_192)))


@pytest.fixture
def looked_at(monkeypatch):
    """The recipes with which a base was loaded and tried."""
    seen, check = [], preflight.check_base
    monkeypatch.setattr(preflight, "check_base", lambda *asked: seen.append(asked[1]) or check(*asked))
    return seen


def test_a_base_that_passed_is_remembered(base, tmp_path, looked_at):
    found = check_once(base, RECIPE, cache=tmp_path)
    assert found.loss > 0
    assert check_once(base, RECIPE, cache=tmp_path) is None
    assert looked_at == [RECIPE]
    (kept,) = tmp_path.glob("checked-bases/*")
    assert json.loads(kept.read_text())["base_model"] == base.name


def test_another_recipe_is_looked_at_anew(base, tmp_path, looked_at):
    check_once(base, RECIPE, cache=tmp_path)
    other = a_recipe(max_length=8_192, rank=4)
    check_once(base, other, cache=tmp_path)
    check_once(base, a_recipe(max_length=8_192, learning_rate=0.5), cache=tmp_path)  # asks no more of a base
    assert looked_at == [RECIPE, other]


def test_less_memory_than_needed_is_looked_at(base, tmp_path, looked_at):
    check_once(base, RECIPE, cache=tmp_path)
    (kept,) = tmp_path.glob("checked-bases/*")
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "needed_bytes": 2**60}))
    check_once(base, RECIPE, cache=tmp_path)
    assert len(looked_at) == 2


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_damaged_memory_is_no_memory(base, tmp_path, looked_at, content):
    check_once(base, RECIPE, cache=tmp_path)
    next(tmp_path.glob("checked-bases/*")).write_text(content)
    check_once(base, RECIPE, cache=tmp_path)
    assert len(looked_at) == 2


def test_a_base_that_failed_is_not_remembered(tmp_path):
    short = resolve_base(str(save_micro_model(tmp_path / "base", vocab_size=200)))
    for _ in range(2):
        with pytest.raises(ModelError):
            check_once(short, RECIPE, cache=tmp_path)


def test_cache_that_cannot_be_written_is_done_without(base, tmp_path):
    (tmp_path / "checked-bases").write_text("a file")
    assert check_once(base, RECIPE, cache=tmp_path)


def test_the_embedded_base_is_not_looked_at(looked_at, tmp_path):
    assert check_once(BaseModel("embedded", "nowhere", "r", stand_in=True), RECIPE, cache=tmp_path) is None
    assert looked_at == []
