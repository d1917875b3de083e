"""Names of base models: what is refused before anything is loaded, and what is pinned."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from feedback_model.errors import ConfigurationError, HubUnreachable, ModelError
from feedback_model.records.training import BaseModel
from feedback_model.training.base_model import cached_snapshot, resolve_base
from feedback_model.training.loading import load_model, load_tokenizer
from tests.micro_model import save_micro_model

COMMIT = "c" * 40
TEMPLATE = json.dumps({"chat_template": "{{ messages }}"})
GOOD = {"config.json": "{}", "tokenizer.json": "{}", "model.safetensors": "{}", "tokenizer_config.json": TEMPLATE}
HUB = {
    "some/chat": GOOD,
    "some/gguf": {"model.gguf": ""},
    "some/pickle": {
        **{name: text for name, text in GOOD.items() if name != "model.safetensors"},
        "pytorch_model.bin": "",
    },
    "some/quantised": {**GOOD, "config.json": '{"quantization_config": {"quant_method": "awq"}}'},
}


class Hub(BaseHTTPRequestHandler):
    """As much of a hub as is asked: what a model holds, and the files themselves."""

    def do_GET(self):
        path = self.path.partition("?")[0].removeprefix("/api/models").strip("/")
        name, _, file = path.partition(f"/resolve/{COMMIT}/")
        files = HUB.get(name)
        if files is None or (file and file not in files):
            return self._answer(404, b"", {"X-Error-Code": "EntryNotFound" if files else "RepoNotFound"})
        if file:
            return self._answer(200, files[file].encode(), {"X-Repo-Commit": COMMIT, "ETag": f'"{file}"'})
        listed = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": file} for file in files]}
        return self._answer(200, json.dumps(listed).encode(), {})

    def _answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub_cache(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def hub(monkeypatch, hub_cache):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def no_hub(monkeypatch, hub_cache):
    """A hub out of reach, and the hosts that were looked for."""
    asked = []

    def refuse(host, *_, **__):
        asked.append(host)
        raise socket.gaierror("no network")

    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return asked


def cache_model(hub_cache, name, files):
    """Leave a model in the hub's cache as a download does."""
    repository = hub_cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for file, text in files.items():
        (snapshot / file).write_text(text)
    return snapshot


@pytest.fixture
def folder(tmp_path):
    for name in ("config.json", "tokenizer.json", "model.safetensors", "tokenizer_config.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    return tmp_path


def test_a_folder_is_pinned_by_its_content(folder):
    first = resolve_base(str(folder))
    assert resolve_base(f"{folder}/.") == first
    (folder / "config.json").write_text('{"hidden_size": 1}')
    assert resolve_base(str(folder)).revision != first.revision


def test_a_template_inside_the_tokenizers_settings_is_found(folder):
    (folder / "chat_template.jinja").unlink()
    (folder / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    assert resolve_base(str(folder)).location == str(folder)


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("config.json", "has no config.json"),
        ("tokenizer.json", "has no tokenizer"),
        ("model.safetensors", "has no model weights"),
        ("chat_template.jinja", "has no chat template"),
    ],
)
def test_incomplete_folder_says_what_it_lacks(folder, missing, sentence):
    """An incomplete folder is refused with what it lacks."""
    (folder / missing).unlink()
    with pytest.raises(ConfigurationError, match=f"{sentence}.*--base-model"):
        resolve_base(str(folder))


def test_pickled_weights_are_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ConfigurationError, match=r"pickle files alone.*--base-model"):
        resolve_base(str(folder))


def test_missing_part_of_the_weights_is_named(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    parts = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    with pytest.raises(ConfigurationError, match=r"lacks 1 files of its weights, model-00002-of-00002.*--base-model"):
        resolve_base(str(folder))


def test_program_code_of_a_model_is_refused(folder):
    """Code that comes with a model is never run; one that does not need it is loaded without."""
    config = {"auto_map": {"AutoModelForCausalLM": "modeling.Own"}, "model_type": "own"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigurationError, match=r"program code.*never run.*--base-model"):
        resolve_base(str(folder))
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "qwen2"}))
    assert resolve_base(str(folder)).location == str(folder)


def test_quantised_base_is_refused(folder):
    (folder / "config.json").write_text('{"quantization_config": {"quant_method": "gptq"}}')
    with pytest.raises(ConfigurationError, match=r"already quantised \(gptq\).*base-nf4.*--base-model"):
        resolve_base(str(folder))


@pytest.mark.parametrize("name", ["/no/such/folder", "./missing", "a/b/c", "missing"])
def test_a_folder_that_does_not_exist_is_refused(name):
    with pytest.raises(ConfigurationError, match=r"does not exist.*--base-model"):
        resolve_base(name)


def test_a_hub_model_is_pinned_to_its_commit(hub):
    assert resolve_base("some/chat") == BaseModel("some/chat", "some/chat", COMMIT)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("some/pickle", "pickle files alone"),
        ("some/quantised", r"already quantised \(awq\).*base-nf4 would be the same"),
    ],
)
def test_hub_model_that_is_not_trained_is_refused(hub, name, sentence):
    with pytest.raises(ConfigurationError, match=f"{sentence}.*--base-model"):
        resolve_base(name)


def test_cached_hub_model_needs_no_network(no_hub, hub_cache):
    """A hub model that is complete in the cache is resolved and found there without asking the hub."""
    snapshot = cache_model(hub_cache, "some/chat", GOOD)
    base = resolve_base("some/chat")
    assert base == BaseModel("some/chat", "some/chat", COMMIT)
    assert cached_snapshot(base.location, base.revision) == str(snapshot)
    assert no_hub == []


def test_cached_model_loads_without_network(no_hub, hub_cache, tmp_path):
    files = {file.name: file for file in save_micro_model(tmp_path / "micro").iterdir()}
    snapshot = cache_model(hub_cache, "some/chat", {})
    for name, file in files.items():
        file.rename(snapshot / name)
    base = resolve_base("some/chat")
    assert load_tokenizer(base).chat_template
    assert load_model(base, quantised=False, device="cpu").num_parameters() > 0
    assert no_hub == []


@pytest.mark.parametrize("lacking", ["model.safetensors", "tokenizer.json"])
def test_partly_cached_hub_model_asks_the_hub(no_hub, hub_cache, lacking):
    cache_model(hub_cache, "some/chat", {name: text for name, text in GOOD.items() if name != lacking})
    with pytest.raises(HubUnreachable, match="not complete on this machine"):
        resolve_base("some/chat")


def test_missing_or_gated_hub_model_is_refused(hub):
    """A hub model that is not there or not ours to load is refused."""
    with pytest.raises(ConfigurationError, match="has no model 'some/missing'"):
        resolve_base("some/missing")
    with pytest.raises(ConfigurationError, match=r"has no config\.json"):
        resolve_base("some/gguf")


def test_unreachable_hub_names_the_ways_on(no_hub):
    """A hub out of reach names the ways on."""
    with pytest.raises(ConfigurationError, match=r"not reachable.*smollm2 or embedded"):
        resolve_base("some/uncached")
    assert no_hub == ["127.0.0.1"]  # asked once, not again and again


def test_a_name_the_hub_cannot_have_is_refused():
    with pytest.raises(ConfigurationError, match="neither a folder nor a hub id"):
        resolve_base("some/bad name!")


def test_broken_folder_fails_in_one_sentence(folder):
    """A folder that only looks complete fails in one sentence."""
    with pytest.raises(ModelError, match="could not be loaded") as caught:
        load_model(resolve_base(str(folder)), quantised=False, device="cpu")
    assert "\n" not in str(caught.value)
