"""Names of base models: what is refused before anything is loaded, and what is pinned."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from feedback_model.errors import ConfigurationError, ModelError
from feedback_model.records.training import BaseModel
from feedback_model.training.base_model import resolve_base
from feedback_model.training.loading import load_model

COMMIT = "c" * 40
HUB = {
    "/api/models/some/chat": {"id": "some/chat", "sha": COMMIT, "siblings": ["config.json", "chat_template.jinja"]},
    "/api/models/some/gguf": {"id": "some/gguf", "sha": COMMIT, "siblings": ["model.gguf"]},
}


class Hub(BaseHTTPRequestHandler):
    def do_GET(self):
        found = HUB.get(self.path.partition("?")[0])
        self.send_response(200 if found else 404)
        self.send_header("X-Error-Code", "" if found else "RepoNotFound")
        self.end_headers()
        if found:
            files = [{"rfilename": name} for name in found["siblings"]]
            self.wfile.write(json.dumps({**found, "siblings": files}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def no_hub(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")


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


@pytest.mark.parametrize("name", ["/no/such/folder", "./missing", "a/b/c", "missing"])
def test_a_folder_that_does_not_exist_is_refused(name):
    with pytest.raises(ConfigurationError, match=r"does not exist.*--base-model"):
        resolve_base(name)


def test_a_hub_model_is_pinned_to_its_commit(hub):
    assert resolve_base("some/chat") == BaseModel("some/chat", "some/chat", COMMIT)


def test_missing_or_gated_hub_model_is_refused(hub):
    """A hub model that is not there or not ours to load is refused."""
    with pytest.raises(ConfigurationError, match="has no model 'some/missing'"):
        resolve_base("some/missing")
    with pytest.raises(ConfigurationError, match=r"has no config\.json"):
        resolve_base("some/gguf")


def test_unreachable_hub_names_the_ways_on(no_hub):
    """A hub out of reach names the ways on."""
    with pytest.raises(ConfigurationError, match=r"not reachable.*embedded"):
        resolve_base("some/uncached")


def test_a_name_the_hub_cannot_have_is_refused():
    with pytest.raises(ConfigurationError, match="neither a folder nor a hub id"):
        resolve_base("some/bad name!")


def test_broken_folder_fails_in_one_sentence(folder):
    """A folder that only looks complete fails in one sentence."""
    with pytest.raises(ModelError, match="could not be loaded") as caught:
        load_model(resolve_base(str(folder)), quantised=False, device="cpu")
    assert "\n" not in str(caught.value)
