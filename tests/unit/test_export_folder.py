"""Exported folders: whole or not at all, never over something else, and nothing left of a process that was killed."""

import errno
import json
from pathlib import Path

import pytest

from feedback_model.errors import ConfigurationError, InputError, Interrupted
from feedback_model.export.folder import MANIFEST, new_folder, read_manifest, write_manifest
from feedback_model.model_cache import sha256_of
from tests.builders import a_manifest


def export(out: Path, weights: str = "weights", *, again: bool = False) -> None:
    with new_folder(out, again=again) as folder:
        (folder / "model.safetensors").write_text(weights)
        write_manifest(folder, a_manifest())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_manifest_has_the_hash_of_every_file(tmp_path):
    export(tmp_path / "out")
    (file,) = json.loads((tmp_path / "out" / MANIFEST).read_text())["files"]
    assert file == {
        "name": "model.safetensors",
        "size": len("weights"),
        "sha256": sha256_of(tmp_path / "out" / "model.safetensors"),
    }


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "out").mkdir()
    export(tmp_path / "out")
    assert names(tmp_path / "out") == [MANIFEST, "model.safetensors"]


def test_standing_export_is_replaced_only_again(tmp_path):
    export(tmp_path / "out")
    with pytest.raises(InputError, match="holds the export epoch-3-gguf-q8_0 already; replace it with --again"):
        export(tmp_path / "out", "others")
    export(tmp_path / "out", "others", again=True)
    assert (tmp_path / "out" / "model.safetensors").read_text() == "others"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("again", [False, True])
def test_other_folders_are_never_replaced(tmp_path, again):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds something else than an export"):
        export(tmp_path / "out", again=again)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        export(tmp_path / "file", again=again)


def test_files_added_to_an_export_are_kept(tmp_path):
    export(tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt beside it, which --again would remove"):
        export(tmp_path / "out", "others", again=True)
    assert (tmp_path / "out" / "model.safetensors").read_text() == "weights"


def test_files_added_meanwhile_are_kept(tmp_path):
    """Between the first look and the end an evaluation may take an hour."""
    export(tmp_path / "out")
    with (
        pytest.raises(InputError, match=r"notes\.txt beside it"),
        new_folder(tmp_path / "out", again=True) as folder,
    ):
        write_manifest(folder, a_manifest())
        (tmp_path / "out" / "notes.txt").write_text("mine")
    assert "notes.txt" in names(tmp_path / "out")


def test_a_mount_point_is_refused():
    with pytest.raises(InputError, match=r"/proc is a mount point.*a folder inside it"):
        export(Path("/proc"))


def test_full_disk_leaves_the_former_export(tmp_path):
    """A disk that is full leaves one sentence, the export that stood there, and nothing half-written."""
    export(tmp_path / "out")
    with (
        pytest.raises(ConfigurationError, match=r"could not be written \(No space left.*make room"),
        new_folder(tmp_path / "out", again=True) as folder,
    ):
        (folder / "model.safetensors").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "model.safetensors").read_text() == "weights"


def test_interrupted_export_leaves_nothing(tmp_path):
    with pytest.raises(Interrupted), new_folder(tmp_path / "out"):
        raise Interrupted("stop")
    assert names(tmp_path) == []


def test_leftovers_of_the_dead_alone_are_cleared(tmp_path):
    """What a killed process left goes at once; what another is writing at this moment stays."""
    (tmp_path / ".out.partial-dead").mkdir()
    with new_folder(tmp_path / "out") as mine:
        (mine / "model.safetensors").write_text("mine")
        with new_folder(tmp_path / "out" / ".." / "out") as other:
            assert names(tmp_path) == sorted([mine.name, other.name])
            write_manifest(other, a_manifest())
        (tmp_path / "out").rename(tmp_path / "theirs")
    assert names(tmp_path) == ["out", "theirs"]


def test_export_moved_aside_by_the_killed_returns(tmp_path):
    """A process that dies between moving the old export aside and putting the new one there loses neither place nor files."""
    export(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / ".out.replaced-dead")
    with pytest.raises(InputError, match="already"):
        export(tmp_path / "out", "others")
    assert read_manifest(tmp_path / "out") is not None
