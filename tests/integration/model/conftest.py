"""A micro base model, saved once, for all tests of training and inference."""

import pytest

from feedback_model.records.training import BaseModel
from feedback_model.settings import Settings
from feedback_model.training.base_model import resolve_base
from tests.micro_model import save_micro_model


@pytest.fixture(scope="session")
def micro_base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return resolve_base(str(save_micro_model(tmp_path_factory.mktemp("micro") / "base")))


@pytest.fixture(autouse=True)
def _untracked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
