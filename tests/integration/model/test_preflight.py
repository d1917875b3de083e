"""The preflight: every fault of a base model that it finds, in one sentence, and models that pass."""

import json
import math
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from feedback_model import progress
from feedback_model.errors import FeedbackError, Interrupted, ModelError
from feedback_model.inference.loaded import load_version, unload
from feedback_model.records.training import Checkpoint, ModelVersion
from feedback_model.training import loading
from feedback_model.training.base_model import resolve_base
from feedback_model.training.loading import load_model
from feedback_model.training.preflight import check_base
from feedback_model.training.qlora import attach_adapters, save_adapter
from tests.micro_model import CHAT_TEMPLATE, a_recipe, save_micro_model

READS = 8_192  # tokens; those of the micro models are bytes
RECIPE = a_recipe(max_length=READS)
REFUSING = "{{ raise_exception('no chats here') }}"
ENDLESS = CHAT_TEMPLATE.replace("<|im_end|>", " over ")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return save_micro_model(tmp_path_factory.mktemp("good") / "base", max_position_embeddings=READS)


@pytest.fixture
def folder(good, tmp_path):
    """A copy of a good base that a test may damage."""
    return shutil.copytree(good, tmp_path / "base")


def check(folder, recipe=RECIPE, memory=0):
    return check_base(resolve_base(str(folder)), recipe, memory)


def refusal(folder, **arguments):
    """Return the one sentence with which a base is refused."""
    with pytest.raises(FeedbackError) as caught:
        check(folder, **arguments)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert any(way_on in sentence for way_on in ("--base-model", "--memory", "--set"))
    return sentence


def change_weights(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def change_json(file, **fields):
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_a_good_base_passes(good):
    found = check(good)
    assert found.transcript_tokens > 1_000
    assert found.loss == pytest.approx(math.log(259), abs=0.2)
    assert found.needed_bytes > 0


FAMILIES = {
    "Llama": {},
    "Qwen3": {"head_dim": 16},
    "Gemma": {"head_dim": 16},
    "Granite": {"logits_scaling": 8.0, "residual_multiplier": 0.3, "embedding_multiplier": 12.0},
    "Cohere": {"logit_scale": 0.0625},
    "Gemma2": {"head_dim": 16, "final_logit_softcapping": 2.0, "attn_logit_softcapping": 5.0},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_familys_loss_is_the_librarys(tmp_path, family):
    """Families that scale or cap their logits pass: what training minimises is what transformers computes from labels."""
    options = {"max_position_embeddings": READS, **FAMILIES[family]}
    assert math.isfinite(check(save_micro_model(tmp_path / "base", family=family, **options)).loss)


@pytest.mark.parametrize("untied", [True, False])
def test_tied_embeddings_are_not_missing(tmp_path, untied):
    check(save_micro_model(tmp_path / "base", max_position_embeddings=READS, tie_word_embeddings=not untied))


def test_nothing_is_loaded_from_elsewhere(good, monkeypatch):
    """Every loader is told to run no code that comes with a model, and reads safetensors alone."""
    told = []
    taken = loading._from_pretrained
    monkeypatch.setattr(
        loading, "_from_pretrained", lambda base, **options: told.append(base) or taken(base, **options)
    )
    from transformers import AutoModelForCausalLM

    asked = []
    read = AutoModelForCausalLM.from_pretrained
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", lambda **how: asked.append(how) or read(**how))
    check(good)
    assert told
    assert all(how["trust_remote_code"] is False and how["use_safetensors"] is True for how in asked)


@pytest.mark.parametrize("quantised", [False, True])
@pytest.mark.parametrize(
    "lost", ["model.norm.weight", "model.layers.1.mlp.up_proj.weight", "model.embed_tokens.weight"]
)
def test_missing_weights_are_named(folder, lost, quantised):
    change_weights(folder, lambda weights: weights.pop(lost))
    with pytest.raises(ModelError, match=r"lacks \d of its weights, such as .*--base-model"):
        load_model(resolve_base(str(folder)), quantised=quantised, device="cpu")
    assert "lacks" in refusal(folder)


@pytest.mark.parametrize("quantised", [False, True])
def test_weights_of_another_shape_are_named(folder, quantised):
    change_json(folder / "config.json", intermediate_size=96)
    with pytest.raises(ModelError, match=r"weights of another shape than .*, such as .*--base-model"):
        load_model(resolve_base(str(folder)), quantised=quantised, device="cpu")
    refusal(folder)


@pytest.mark.parametrize("size", [0, 5, 20_000])
def test_truncated_weights_are_refused(folder, size):
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(size)
    assert "could not be loaded" in refusal(folder)


def test_corrupt_weights_are_refused(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(b"\xff" * 64 + weights.read_bytes()[64:])
    assert "could not be loaded" in refusal(folder)


def test_weights_that_are_not_numbers_are_refused(folder):
    change_weights(folder, lambda weights: weights["model.norm.weight"].fill_(math.nan))
    assert "loss of nan nats a token where guessing has 5.6" in refusal(folder)


def test_weights_worse_than_guessing_are_refused(folder):
    change_weights(folder, lambda weights: weights["model.embed_tokens.weight"].mul_(300))
    assert "damaged" in refusal(folder)


def test_weights_of_an_absent_file_are_named(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    assert "model-00002-of-00002" in refusal(folder)


def test_embedding_smaller_than_the_vocabulary_is_refused(tmp_path):
    small = save_micro_model(tmp_path / "base", max_position_embeddings=READS, vocab_size=200)
    assert "token ids up to 258, but its weights have embeddings for 200" in refusal(small)


def test_special_tokens_must_be_embedded_too(tmp_path):
    """Tokens that the chat template needs were added, and the embedding was not made larger."""
    small = save_micro_model(tmp_path / "base", max_position_embeddings=READS, vocab_size=257)
    assert "another model's" in refusal(small)


def test_special_tokens_that_no_chat_has_are_no_fault(folder):
    """Published models have special tokens for images beyond the embedding."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<|image|>"]})
    tokenizer.save_pretrained(folder)
    assert len(tokenizer) == 260
    check(folder)


@pytest.mark.parametrize(("template", "sentence"), [(REFUSING, "refuses a user turn"), (ENDLESS, "special token")])
def test_template_that_is_no_use_is_refused(tmp_path, template, sentence):
    assert sentence in refusal(save_micro_model(tmp_path / "base", template, max_position_embeddings=READS))


def test_a_base_without_chat_template_is_refused(tmp_path):
    assert "no chat template" in refusal(save_micro_model(tmp_path / "base", None))


def test_damaged_tokenizer_is_refused(folder):
    (folder / "tokenizer.json").write_text("{}")
    assert "could not be loaded" in refusal(folder)


def test_base_that_reads_too_little_is_refused(tmp_path):
    short = save_micro_model(tmp_path / "base", max_position_embeddings=1_536)
    assert "trained on 1,536 tokens at a time" in refusal(short)


def test_recipe_that_cuts_too_much_is_refused(good):
    sentence = refusal(good, recipe=a_recipe(max_length=500))
    assert "trained on 500 tokens at a time" in sentence
    enough = int(sentence.partition("max_length=")[2].split()[0])
    assert check(good, a_recipe(max_length=enough)).transcript_tokens == 100


def test_too_little_memory_for_the_weights_is_refused(good):
    assert "of memory are free" in refusal(good, memory=1)


def test_too_little_memory_for_an_example_is_refused(good):
    """Weights that fit leave too little for the longest example."""
    from feedback_model.training.memory import resident_memory

    check(good)  # so that libraries and their threads are in memory
    sentence = refusal(good, memory=resident_memory() + 3_000_000)
    assert "the longest example has" in sentence or "of memory are free" in sentence


def test_memory_for_the_longest_transcript_is_judged_too(good, caplog):
    """As long as the recipe allows, with its branches; what ships with the package is shorter, and fits."""
    from feedback_model.training.memory import resident_memory

    check(good, memory=resident_memory() + 1_200_000_000)
    found = re.search(r"the longest example has ([\d,]+) tokens, .*--set max_length=(\d+)", caplog.text)
    assert int(found[1].replace(",", "")) > READS
    assert 1_000 < int(found[2]) < READS


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "already quantised"),
        ({"auto_map": {"AutoModelForCausalLM": "modeling.Own"}, "model_type": "own"}, "program code"),
        ({"model_type": "unheard-of"}, "could not be loaded"),
    ],
)
def test_what_is_not_ours_to_load_is_refused(folder, config, sentence):
    change_json(folder / "config.json", **config)
    assert sentence in refusal(folder)


def test_pickled_weights_are_refused(folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert "pickle" in refusal(folder)


def test_missing_folder_is_refused(tmp_path):
    assert "does not exist" in refusal(tmp_path / "absent")


def test_a_preflight_can_be_stopped(good):
    progress.request_stop()
    with pytest.raises(Interrupted):
        check(good)


def test_adapter_of_another_base_is_refused(good, tmp_path):
    """An adapter whose shapes do not fit its base is refused in one sentence, and the base answers without it afterwards."""
    wide = resolve_base(str(save_micro_model(tmp_path / "wide", hidden_size=64)))
    model = attach_adapters(load_model(wide, quantised=True, device="cpu"), RECIPE)
    (tmp_path / "adapter").mkdir()
    made = Checkpoint("r" * 32, 1, "adapter", save_adapter(model, tmp_path / "adapter"), None)
    base = resolve_base(str(good))
    with pytest.raises(ModelError, match=r"cannot be put on its base.*feedback train --again") as caught:
        load_version(tmp_path, ModelVersion("epoch-1", base, True, made))
    assert "\n" not in str(caught.value)
    assert load_version(tmp_path, ModelVersion("base-nf4", base, True))
    unload()
