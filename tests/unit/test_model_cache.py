"""Models made on this machine: whole or not at all, and noticed where they are damaged."""

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from feedback_model.errors import ConfigurationError, Interrupted
from feedback_model.model_cache import ABANDONED, build_once, is_whole, write_manifest


def build(folder, weights="weights"):
    (folder / "model.safetensors").write_text(weights)
    (folder / "config.json").write_text("{}")
    write_manifest(folder)


def test_folder_is_built_once(tmp_path):
    build_once(tmp_path / "cache" / "m", "it", build, is_whole)
    build_once(tmp_path / "cache" / "m", "it", partial(build, weights="others"), is_whole)
    assert (tmp_path / "cache" / "m" / "model.safetensors").read_text() == "weights"


def test_builders_at_once_leave_one_folder(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: build_once(tmp_path / "m", "it", build, is_whole), range(8)))
    assert [folder.name for folder in tmp_path.iterdir()] == ["m"]
    assert is_whole(tmp_path / "m")


def test_interrupted_build_leaves_nothing(tmp_path):
    def stop(folder):
        build(folder)
        raise Interrupted("stop")

    with pytest.raises(Interrupted):
        build_once(tmp_path / "m", "it", stop, is_whole)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_build_are_cleared(tmp_path):
    """What a killed build left goes an hour later; what another is building stays."""
    for name, age in (("old", ABANDONED + 60), ("new", 0)):
        (tmp_path / f".m-{name}").mkdir()
        os.utime(tmp_path / f".m-{name}", (time.time() - age, time.time() - age))
    build_once(tmp_path / "m", "it", build, is_whole)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == [".m-new", "m"]


def test_full_disk_is_one_sentence(tmp_path):
    def fill(folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ConfigurationError, match=r"it could not be written.*No space left.*XDG_CACHE_HOME"):
        build_once(tmp_path / "m", "it", fill, is_whole)
    assert list(tmp_path.iterdir()) == []


def test_cache_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"it cannot be kept in .*XDG_CACHE_HOME"):
        build_once(tmp_path / "file" / "m", "it", build, is_whole)


@pytest.mark.parametrize("damage", ["other bytes", "shorter", "gone"])
def test_damaged_folder_is_built_anew(tmp_path, damage):
    folder = tmp_path / "m"
    build_once(folder, "it", build, is_whole)
    weights = folder / "model.safetensors"
    weights.unlink() if damage == "gone" else weights.write_text("short" if damage == "shorter" else "weightz")
    assert not is_whole(folder)
    build_once(folder, "it", build, is_whole)
    assert is_whole(folder)
    assert [each.name for each in tmp_path.iterdir()] == ["m"]


def test_copied_folder_is_whole_by_its_bytes(tmp_path):
    build_once(tmp_path / "m", "it", build, is_whole)
    (tmp_path / "m" / "model.safetensors").touch()
    assert is_whole(tmp_path / "m")
