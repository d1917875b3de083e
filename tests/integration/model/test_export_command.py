"""`feedback export`: chooses, writes, asks the files again, and survives what may happen meanwhile."""

import json
import signal
import subprocess
import sys

import pytest
from sqlalchemy import update

from deployments.cli.export import export
from feedback_model.errors import ConfigurationError, FeedbackError, InputError, MissingStage, ModelError
from feedback_model.export.export import GGUF_FILE
from feedback_model.export.folder import MANIFEST
from feedback_model.inference import infer as inferring
from feedback_model.inference import loaded
from feedback_model.store import tables
from feedback_model.store.readonly_sql import select_rows
from feedback_model.training.base_model import resolve_base
from tests.evaluated_run import RUN, evaluate_run, fill_run
from tests.exportable_base import a_trained_version, save_exportable_base

LIMIT = 3  # new tokens: the model is untrained, so what it says is of no use anyway
PREPARED = """
import os, signal, sys
from feedback_model.export import merged
write = merged.write_safetensors

def write_and_die(*arguments):
    write(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

merged.write_safetensors = write_and_die
from deployments.cli.app import main
main()
"""


def fill(store):
    evaluate_run(fill_run(store, n_train=6, n_held_out=4))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return resolve_base(str(save_exportable_base(tmp_path_factory.mktemp("base") / "llama", "Llama")))


@pytest.fixture
def run(store_with, settings, base, monkeypatch):
    """A store with an evaluated training, of which one epoch has a real adapter on a real base."""
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    store, _ = store_with(fill)
    version = a_trained_version(settings.home, base, RUN, epoch=2)
    own = {"base_model": base.name, "base_revision": base.revision, "stand_in": False}
    with store.write() as connection:
        for table in (tables.training_run, tables.model_version):
            connection.execute(update(table).values(own))
        connection.execute(
            update(tables.model_version).where(tables.model_version.c.epoch == 1).values(adapter_sha="gone")
        )
        for table in (tables.checkpoint, tables.model_version):
            row = update(table).where(table.c.run_id == RUN, table.c.epoch == 2)
            connection.execute(row.values(adapter_sha=version.checkpoint.adapter_sha))
    loaded.unload()
    return store


@pytest.fixture
def opened(monkeypatch):
    """Every model that was loaded to be asked, by name."""
    names: list[str] = []
    opening = inferring.open_generator
    monkeypatch.setattr(
        inferring, "open_generator", lambda home, model, *how: names.append(model.name) or opening(home, model, *how)
    )
    return names


def manifest_of(folder):
    return json.loads((folder / MANIFEST).read_text())


def test_export_is_asked_as_its_files_are(run, opened, tmp_path):
    """A GGUF file is asked about every held-out transcript, beside the model that it was made of."""
    export("gguf", tmp_path / "out", "epoch-2", "q8_0", LIMIT)
    manifest = manifest_of(tmp_path / "out")
    assert (manifest["name"], manifest["champion"]) == ("epoch-2-gguf-q8_0", False)
    assert [(tax["split"], tax["n_asked"]) for tax in manifest["tax"]] == [("validation", 4), ("test", 4)]
    assert opened == ["epoch-2", "epoch-2-gguf-q8_0"]
    rows = select_rows(run, "SELECT model, COUNT(*) AS n FROM outputs WHERE model LIKE 'epoch-2-%' GROUP BY model")
    assert rows == [{"model": "epoch-2-gguf-q8_0", "n": 8}]
    assert sorted(file["name"] for file in manifest["files"]) == sorted(
        path.name for path in (tmp_path / "out").iterdir() if path.name != MANIFEST
    )
    assert GGUF_FILE in {file["name"] for file in manifest["files"]}


def test_export_made_again_asks_nothing_twice(run, opened, tmp_path):
    export("safetensors", tmp_path / "out", "epoch-2", None, LIMIT)
    before = list(opened)
    export("safetensors", tmp_path / "elsewhere", "epoch-2", None, LIMIT)
    assert opened == before
    first, second = manifest_of(tmp_path / "out"), manifest_of(tmp_path / "elsewhere")
    assert first["tax"] == second["tax"]
    assert first["model_id"] == second["model_id"]


def test_without_evaluation_nothing_is_asked(run, opened, tmp_path, capsys):
    export("safetensors", tmp_path / "out", "epoch-2", "float16", without_evaluation=True, json=True)
    assert opened == []
    said = json.loads(capsys.readouterr().out)
    assert (said["name"], said["tax"], said["champion"]) == ("epoch-2-merged-float16", [], False)
    assert "Not measured" in (tmp_path / "out" / "README.md").read_text()


def test_adapter_keeps_its_models_name(run, opened, tmp_path):
    export("adapter", tmp_path / "out", "epoch-2")
    manifest = manifest_of(tmp_path / "out")
    assert (manifest["name"], manifest["weights_sha"]) == ("epoch-2", manifest["adapter_sha"])
    assert "# llama-feedback-run-1-epoch-2" in (tmp_path / "out" / "README.md").read_text()
    assert opened == []


def test_card_shows_how_to_ask_it(run, tmp_path, monkeypatch, capsys):
    """The lines of the card, run in the exported folder, print what the model answers."""
    from feedback_model.inference.infer import score_texts
    from feedback_model.inference.models import choose_model
    from feedback_model.settings import Settings

    export("safetensors", tmp_path / "out", "epoch-2", None, LIMIT, without_evaluation=True)
    capsys.readouterr()
    code = (tmp_path / "out" / "README.md").read_text().split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path / "out")
    names: dict[str, str] = {}
    exec(code, names)
    shown = capsys.readouterr().out.rstrip("\n")
    (said,) = score_texts(Settings().home, choose_model(run, "epoch-2").version, [names["transcript"]], LIMIT)
    assert shown == said.raw.decode()


@pytest.mark.parametrize(
    ("model", "error", "said"),
    [
        ("champion", MissingStage, "there is no champion yet"),
        ("epoch-9", MissingStage, "there is no model 'epoch-9'"),
        ("base", InputError, "is the base model"),
        ("epoch-1", ModelError, r"the checkpoint .* is gone"),
    ],
)
def test_unusable_model_is_one_sentence(run, tmp_path, model, error, said):
    with pytest.raises(error, match=said):
        export("safetensors", tmp_path / "out", model)
    assert list(tmp_path.glob("*out*")) == []


def test_folder_in_the_way_stops_before_work(run, opened, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="something else than an export"):
        export("safetensors", tmp_path / "out", "epoch-2", again=True)
    assert opened == []


def test_killed_export_is_done_by_the_next(run, settings, tmp_path):
    """A kill with the weights half-way to their place leaves no export; the same command makes it and clears what was left."""
    command = [sys.executable, "-c", PREPARED, "export", "--format", "safetensors", "--out", str(tmp_path / "out")]
    killed = subprocess.run([*command, "--model", "epoch-2"], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.glob(".out.partial-*")
    assert (left / "model.safetensors").exists()
    assert not (tmp_path / "out").exists()
    export("safetensors", tmp_path / "out", "epoch-2", None, LIMIT, without_evaluation=True)
    assert (tmp_path / "out" / MANIFEST).exists()
    assert list(tmp_path.glob(".out*")) == []


def test_unwritable_place_is_one_sentence(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="could not be written"):
        export("adapter", tmp_path / "file" / "out", "epoch-2")
    with pytest.raises(FeedbackError):
        export("adapter", tmp_path / "file", "epoch-2")
