"""A micro base model, saved once, for all tests of training and inference."""

from pathlib import Path

import pytest

from feedback_model.records.training import BaseModel
from feedback_model.settings import Settings
from feedback_model.training.base_model import resolve_base
from tests.micro_model import save_micro_model


@pytest.fixture(scope="session")
def micro_base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return resolve_base(str(save_micro_model(tmp_path_factory.mktemp("micro") / "base")))


@pytest.fixture(autouse=True)
def _alone(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither followed on a web site, nor waiting for another training on this machine."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that a generator is asked about, in order."""
    from feedback_model.inference.free import FreeGenerator

    texts: list[str] = []
    generate = FreeGenerator.generate
    monkeypatch.setattr(FreeGenerator, "generate", lambda self, batch: texts.extend(batch) or generate(self, batch))
    return texts
