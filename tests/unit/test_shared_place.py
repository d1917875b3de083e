"""A place that machines share: what is put there comes back whole, or is refused."""

from pathlib import Path

import pytest

from feedback_model.errors import ConfigurationError
from feedback_model.settings import Settings
from feedback_model.shared_place import HASHES, Damaged, SharedPlace

FILES = ("config.json", "weights")


@pytest.fixture
def place(tmp_path: Path) -> SharedPlace:
    return SharedPlace(str(tmp_path / "place"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    made.mkdir()
    for name in (*FILES, "weights.bin"):
        (made / name).write_text(f"what {name} holds")
    return made


def test_a_folder_comes_back_as_it_was_put(place: SharedPlace, folder: Path, tmp_path: Path) -> None:
    """In place of what lay there, and without what is not asked for."""
    place.put_folder(folder, "run/epoch-1", FILES)
    target = tmp_path / "home" / "run" / "epoch-1"
    target.mkdir(parents=True)
    (target / "weights").write_text("half of")
    assert place.fetch_folder("run/epoch-1", target, FILES)
    assert {path.name: path.read_text() for path in target.iterdir()} == {name: f"what {name} holds" for name in FILES}
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["run"]


def test_a_folder_without_its_list_is_none(place: SharedPlace, folder: Path, tmp_path: Path) -> None:
    """As where its upload was cut off: the list of hashes comes last."""
    place.put(folder / "weights", "run/epoch-1/weights")
    assert not place.fetch_folder("run/epoch-1", tmp_path / "home" / "run" / "epoch-1", FILES)
    assert not place.has_folder(folder, "run/epoch-1", FILES)


@pytest.mark.parametrize("damaged", [*FILES, HASHES])
def test_a_damaged_folder_leaves_nothing_behind(place: SharedPlace, folder: Path, tmp_path: Path, damaged: str) -> None:
    place.put_folder(folder, "run/epoch-1", FILES)
    (Path(place.url) / "run" / "epoch-1" / damaged).write_text("wha")
    with pytest.raises(Damaged, match=f"{damaged} is (missing or )?damaged"):
        place.fetch_folder("run/epoch-1", tmp_path / "home" / "run" / "epoch-1", FILES)
    assert list((tmp_path / "home").rglob("*")) == [tmp_path / "home" / "run"]
    assert not place.has_folder(folder, "run/epoch-1", FILES)


def test_only_names_that_are_asked_for_are_fetched(place: SharedPlace, folder: Path, tmp_path: Path) -> None:
    """Whatever the list there says: a pickle among the files would be loaded."""
    place.put_folder(folder, "run/epoch-1", (*FILES, "weights.bin"))
    target = tmp_path / "home" / "run" / "epoch-1"
    assert place.fetch_folder("run/epoch-1", target, FILES)
    assert sorted(path.name for path in target.iterdir()) == sorted(FILES)


def test_what_is_removed_is_not_listed(place: SharedPlace, folder: Path) -> None:
    place.put_folder(folder, "run/epoch-1", FILES)
    place.put(folder / "weights", "run/epoch-2/weights")
    assert [each.name for each in place.list("run/epoch-2")] == ["run/epoch-2/weights"]
    for _ in range(2):  # what is gone is no error
        place.remove_folder("run/epoch-1")
        assert [each.name for each in place.list("run")] == ["run/epoch-2/weights"]
    for _ in range(2):
        place.remove("run/epoch-2/weights")
        assert place.list("run") == ()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nonsense://talks", r"FEEDBACK_SHARED_CHECKPOINTS\) cannot be used: Protocol not known: nonsense"),
        ("adl://talks", r"FEEDBACK_SHARED_CHECKPOINTS\) needs a package that is not installed"),
    ],
)
def test_a_place_that_cannot_be_is_told(url: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        SharedPlace(url).list("checkpoints")


@pytest.mark.parametrize("url", ["s3://key:secret@talks/", "s3://talks/?sig=secret", "talks"])
def test_secrets_and_half_paths_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"leave secrets out|a folder by its whole path"):
        Settings(shared_checkpoints=url, _env_file=None)


@pytest.mark.parametrize("url", ["", "s3://talks/shared", "/mnt/shared", "file:///mnt/shared"])
def test_stores_and_folders_are_places(url: str) -> None:
    assert Settings(shared_checkpoints=url, _env_file=None).shared_checkpoints == url
