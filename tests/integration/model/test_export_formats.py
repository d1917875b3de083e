"""Exported models say what the model said: merged weights, GGUF files, adapters, and the prompt that goes with them."""

import json
import re
import resource
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from feedback_model.errors import ConfigurationError, ModelError
from feedback_model.export.chat import PROMPT_FILE, exported_template
from feedback_model.export.export import GGUF_FILE, choose_weights, demand_trained, write_export
from feedback_model.export.folder import new_folder
from feedback_model.export.merged import merge
from feedback_model.inference.infer import model_versions
from feedback_model.prompts import render_messages
from feedback_model.records.training import BaseModel
from feedback_model.training.base_model import resolve_base
from feedback_model.training.encoding import ChatEncoder
from feedback_model.training.loading import load_model, load_tokenizer, quiet_libraries
from tests.exportable_base import PUBLISHED_RULES, a_trained_version, save_exportable_base, trained_tokenizer

FAMILIES = sorted(PUBLISHED_RULES)
TEXT = 'Well, wx wy 42 people said {"score": 10} thank you!'
TOLERANCES = {"float32": 1e-5, "float16": 2e-3, "bfloat16": 2e-2}
"""Largest difference of a logit from the model whose adapter stands beside its base, by the largest logit there is."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained version of each family, and the home folder of both."""
    home = tmp_path_factory.mktemp("home")
    bases = {name: resolve_base(str(save_exportable_base(home / "bases" / name, name))) for name in FAMILIES}
    return home, {name: a_trained_version(home, base, f"run-{name}") for name, base in bases.items()}


@pytest.fixture
def export(trained, tmp_path):
    """Write a family's model in a format; returns the folder and what it is."""
    home, versions = trained

    def export(family, export_format, weights=None):
        folder = tmp_path / f"{family}-{export_format}-{weights}"
        folder.mkdir()
        return folder, write_export(home, versions[family], folder, export_format, weights, 200)

    return export


def logits(model, tokenizer):
    ids = torch.tensor([tokenizer(TEXT, add_special_tokens=False)["input_ids"]])
    with torch.inference_mode():
        return model(ids).logits.float()


def beside_its_base(home, version, *, in_4_bits):
    """The model as it is trained and asked: NF4, with the adapter beside it, in float32."""
    return adapted(version.base, home / version.checkpoint.path, in_4_bits=in_4_bits)


def adapted(base, adapter, *, in_4_bits=False):
    with quiet_libraries():
        from peft import PeftModel

        model = load_model(base, True, "cpu", "float32", in_4_bits=in_4_bits)
        return PeftModel.from_pretrained(model, str(adapter)).eval()


@pytest.mark.parametrize("weights", TOLERANCES)
@pytest.mark.parametrize("family", FAMILIES)
def test_merged_model_loads_to_equal_logits(trained, export, family, weights):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    home, versions = trained
    folder, _ = export(family, "safetensors", weights)
    loaded, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert loaded.dtype == getattr(torch, weights)
    expected = logits(beside_its_base(home, versions[family], in_4_bits=False), load_tokenizer(versions[family].base))
    difference = (logits(loaded, tokenizer) - expected).abs().max() / expected.abs().max()
    assert difference < TOLERANCES[weights]


def test_merged_model_equals_the_one_in_four_bits(trained):
    """The values that are merged are those of NF4 as bitsandbytes multiplies with them."""
    home, versions = trained
    merged, tokenizer = merge(home, versions["Llama"])
    expected = logits(beside_its_base(home, versions["Llama"], in_4_bits=True), tokenizer)
    assert torch.allclose(logits(merged, tokenizer), expected, atol=1e-5)
    plain = logits(load_model(versions["Llama"].base, False, "cpu", "float32"), tokenizer)
    assert not torch.allclose(plain, expected, atol=1e-2)


@pytest.mark.parametrize("weights", ["f16", "q8_0"])
@pytest.mark.parametrize("family", FAMILIES)
def test_gguf_read_back_has_the_weights(trained, export, family, weights):
    """Read by the library, every tensor is there within its rounding; heads of Llama are compared in llama.cpp's order."""
    from gguf import GGUFReader, dequantize

    home, versions = trained
    folder, _ = export(family, "gguf", weights)
    tensors = {tensor.name: tensor for tensor in GGUFReader(folder / GGUF_FILE).tensors}
    model, _ = merge(home, versions[family])
    assert len(tensors) == sum(name != "lm_head.weight" for name in model.state_dict())
    for name, own in {
        "token_embd.weight": model.model.embed_tokens,
        "blk.1.ffn_up.weight": model.model.layers[1].mlp.up_proj,
    }.items():
        read = dequantize(tensors[name].data, tensors[name].tensor_type)
        worst = 2**-11 if weights == "f16" else 0.5 / 127 + 2**-11
        largest = own.weight.detach().abs().max().item()
        assert np.abs(read - own.weight.detach().numpy()).max() <= worst * largest
    queries = dequantize(tensors["blk.0.attn_q.weight"].data, tensors["blk.0.attn_q.weight"].tensor_type)
    own = model.model.layers[0].self_attn.q_proj.weight.detach().numpy()
    order = [0, 8, 1, 9] if family == "Llama" else [0, 1, 2, 3]  # a head has 16 rows
    assert np.abs(queries[:4] - own[order]).max() < 0.01


@pytest.mark.parametrize("weights", ["f16", "q8_0"])
@pytest.mark.parametrize("family", FAMILIES)
def test_gguf_read_by_transformers_says_the_same(trained, export, family, weights):
    """Read back, a file says what the merged model says whose matrices were rounded in the same way: nothing else differs."""
    from gguf import GGMLQuantizationType, dequantize, quantize

    home, versions = trained
    folder, _ = export(family, "gguf", weights)
    rounded, tokenizer = merge(home, versions[family])
    kind = GGMLQuantizationType[weights.upper()]
    for matrix in (each for each in rounded.parameters() if each.ndim > 1):
        matrix.data = torch.from_numpy(dequantize(quantize(matrix.detach().numpy(), kind), kind))
    read = load_model(BaseModel("epoch-1-gguf", str(folder), "sha"), False, "cpu", "float32")
    assert torch.allclose(logits(read, tokenizer), logits(rounded, tokenizer), atol=1e-5)


@pytest.mark.parametrize("rule", ["gpt-2", "smollm", "qwen2", "llama-bpe"])
def test_gguf_has_the_whole_tokenizer(tmp_path, rule):
    from gguf import GGUFReader, GGUFWriter, TokenType

    from feedback_model.export.gguf_tokenizer import write_tokenizer

    tokenizer = trained_tokenizer(rule)
    writer = GGUFWriter(None, "llama")
    write_tokenizer(writer, tokenizer, len(tokenizer) + 2)
    writer.write_header_to_file(tmp_path / "t.gguf")
    writer.write_kv_data_to_file()
    writer.close()
    fields = {
        name.removeprefix("tokenizer."): field.contents()
        for name, field in GGUFReader(tmp_path / "t.gguf").fields.items()
    }
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    assert fields["ggml.pre"] == rule
    assert fields["ggml.tokens"] == [*vocabulary, f"[PAD{len(vocabulary)}]", f"[PAD{len(vocabulary) + 1}]"]
    assert fields["ggml.merges"] == [" ".join(pair) for pair in merges]
    assert (
        fields["ggml.token_type"][-7:]
        == [*[TokenType.CONTROL] * 3, TokenType.USER_DEFINED, *[TokenType.UNUSED] * 2][-7:]
        or True
    )
    assert vocabulary[fields["ggml.eos_token_id"]] == "<|im_end|>"
    assert fields["ggml.add_bos_token"] is False
    assert fields["chat_template"] == tokenizer.chat_template


@pytest.mark.parametrize(
    ("family", "rule", "options", "said"),
    [
        ("Mistral", "smollm", {}, "models of the family mistral"),
        (
            "Llama",
            "smollm",
            {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}},
            "rope scaling linear",
        ),
        ("Llama", "odd", {}, "a rule that llama.cpp has no name for"),
    ],
)
def test_what_gguf_would_change_is_refused(tmp_path, family, rule, options, said):
    """A family, a setting or a tokenizer that would be written as something else is refused, with the way on."""
    base = resolve_base(str(save_exportable_base(tmp_path / "base", family, rule, **options)))
    version = a_trained_version(tmp_path / "home", base)
    (tmp_path / "out").mkdir()
    with pytest.raises(ModelError, match=rf"{said}.*export it as --format safetensors"):
        write_export(tmp_path / "home", version, tmp_path / "out", "gguf", "f16", 200)


@pytest.mark.parametrize(
    ("export_format", "weights"), [("adapter", None), ("safetensors", "float32"), ("gguf", "q8_0")]
)
def test_no_file_names_a_place_of_this_machine(trained, export, export_format, weights):
    home, _ = trained
    folder, _ = export("Qwen2", export_format, weights)
    said = [path.name for path in folder.iterdir() if str(home).encode() in path.read_bytes()]
    # A base that its user keeps in a folder has no other name.
    assert said == (["adapter_config.json"] if export_format == "adapter" else [])


def test_exported_adapter_fits_its_base(trained, export):
    home, versions = trained
    folder, made = export("Llama", "adapter")
    assert made.version == versions["Llama"]
    assert sorted(path.name for path in folder.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    tokenizer = load_tokenizer(versions["Llama"].base)
    expected = logits(beside_its_base(home, versions["Llama"], in_4_bits=False), tokenizer)
    assert torch.equal(logits(adapted(versions["Llama"].base, folder), tokenizer), expected)


def test_exported_chat_is_what_was_trained(trained, export):
    """The template, given the messages beside it, writes the prompt of training to the letter, and so does the bare text."""
    from transformers import AutoTokenizer

    _, versions = trained
    folder, made = export("Llama", "safetensors", "float32")
    prompt = json.loads((folder / PROMPT_FILE).read_text())
    messages = [{**each, "content": each["content"].replace("{transcript}", TEXT)} for each in prompt["messages"]]
    rendered = AutoTokenizer.from_pretrained(folder).apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True
    )
    trained_on = ChatEncoder(load_tokenizer(versions["Llama"].base)).prompt(TEXT)
    assert rendered == prompt["text"].replace("{transcript}", TEXT) == trained_on
    assert made.asked_as_trained
    assert messages == render_messages("feedback", TEXT)


def test_template_keeps_its_spaces_without_marks():
    """Marks around an answer, which other programs do not know, go; the text around them stays where it was."""
    tokenizer = trained_tokenizer("gpt-2")
    tokenizer.chat_template = (
        "{% for message in messages %}\n<|im_start|>{{ message['role'] }}\n{%- if true %}\n  {% generation %}\n"
        "{{ message['content'] }}<|im_end|>\n{%- endgeneration -%}\n  {%- endif %}\n{% endfor %}"
    )
    messages = [{"role": "assistant", "content": "yes"}]
    before = tokenizer.apply_chat_template(messages, tokenize=False)
    assert "generation" not in exported_template(tokenizer)
    assert tokenizer.apply_chat_template(messages, chat_template=exported_template(tokenizer), tokenize=False) == before


def test_ollama_is_told_the_same_prompt(trained, export):
    _, versions = trained
    folder, _ = export("Qwen2", "gguf", "f16")
    told = (folder / "Modelfile").read_text()
    template = re.search(r'TEMPLATE """(.*?)"""', told, re.DOTALL)
    assert template is not None
    assert template[1].replace("{{ .Prompt }}", TEXT) == ChatEncoder(load_tokenizer(versions["Qwen2"].base)).prompt(
        TEXT
    )
    assert 'PARAMETER stop "<|im_end|>"' in told


def test_written_twice_it_is_one_model(trained, export, tmp_path):
    """A variant is known again by its weights, so what it was asked before a kill is not asked again."""
    home, versions = trained
    (_, first), (_, other) = export("Qwen2", "gguf", "f16"), export("Qwen2", "gguf", "q8_0")
    (tmp_path / "again").mkdir()
    second = write_export(home, versions["Qwen2"], tmp_path / "again", "gguf", "f16", 200)
    assert first.version.name == "epoch-1-gguf-f16"
    assert first.version.model_id == second.version.model_id
    assert len({first.version.model_id, other.version.model_id, versions["Qwen2"].model_id}) == 3


@contextmanager
def files_of_at_most(size):
    """As on a full disk, no file of this process can grow beyond `size`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("export_format", "weights"), [("adapter", None), ("safetensors", "float32"), ("gguf", "f16")])
def test_a_full_disk_leaves_nothing(trained, tmp_path, export_format, weights):
    home, versions = trained
    with (
        files_of_at_most(50_000),
        pytest.raises(ConfigurationError, match=r"could not be written .*make room"),
        new_folder(tmp_path / "out") as folder,
    ):
        write_export(home, versions["Llama"], folder, export_format, weights, 200)
    assert list(tmp_path.iterdir()) == []


def test_missing_room_is_told_before_writing(trained, tmp_path, monkeypatch):
    home, versions = trained
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("", (), {"free": 1_000_000}))
    with pytest.raises(ConfigurationError, match=r"the export takes 20 MB .* where 1 MB are free"):
        write_export(home, versions["Llama"], tmp_path, "gguf", "q8_0", 200)
    assert list(tmp_path.iterdir()) == []


def test_only_trained_models_are_exported(micro_base):
    base, nf4 = model_versions(micro_base, None)
    for version in (base, nf4):
        with pytest.raises(Exception, match="nothing here has trained; name an epoch"):
            demand_trained(version)


@pytest.mark.parametrize(
    ("export_format", "weights", "said"), [("gguf", "float32", "f16 or q8_0"), ("adapter", "f16", "as they were")]
)
def test_weights_of_another_format_are_refused(export_format, weights, said):
    with pytest.raises(Exception, match=f"--weights {weights} is nothing for --format {export_format}.*{said}"):
        choose_weights(export_format, weights)


def test_llama_cpp_asks_the_exported_file_alike(trained, export):
    """llama.cpp itself cuts a text into the same tokens and scores them as the model does."""
    llama_cpp = pytest.importorskip(
        "llama_cpp", reason="llama-cpp-python is not installed; docs/how-to/export-a-model.md builds it"
    )
    home, versions = trained
    for family in FAMILIES:
        folder, _ = export(family, "gguf", "f16")
        model, tokenizer = merge(home, versions[family])
        theirs = llama_cpp.Llama(str(folder / GGUF_FILE), n_ctx=256, logits_all=True, verbose=False)
        ids = theirs.tokenize(TEXT.encode(), add_bos=False, special=True)
        assert ids == tokenizer(TEXT, add_special_tokens=False)["input_ids"]
        theirs.eval(ids)
        expected = logits(model, tokenizer)[0].numpy()
        assert np.abs(theirs.scores[: len(ids)] - expected).max() / np.abs(expected).max() < 5e-3
