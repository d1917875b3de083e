"""Housekeeping deletes what nothing needs, and nothing that a champion stands on."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from typer.testing import CliRunner

from deployments.cli.app import app
from feedback_model.errors import ModelError
from feedback_model.housekeeping.plan import LARGE_CACHE, LONG_LOG, find_leftovers, keep_rules, try_lock
from feedback_model.housekeeping.prune import delete_leftovers
from feedback_model.records.housekeeping import Leftover
from feedback_model.records.training import Checkpoint
from feedback_model.settings import Settings
from feedback_model.store import tables
from feedback_model.store.connection import Store
from feedback_model.store.evidence_kept import read_evidence, runs_by_age, work_in_hand
from feedback_model.store.locks import acquire
from feedback_model.training.checkpoints import clear_leftovers, find_checkpoint, verified_folder
from flows.housekeeping import housekeeping
from tests.databases import OpenFilled
from tests.filled_store import fill
from tests.prefect_api import PrefectApi

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CHAMPIONS = "run1"
OLD = ("old-1", "old-2", "old-3")
LATER = datetime.now(UTC) + timedelta(days=400)


def write(path: Path, size: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def fill_with_runs(store: Store) -> None:
    """The small store, whose run made the champion, and three later runs that made none."""
    fill(store)
    with store.write() as connection:
        row: dict[str, Any] = dict(connection.execute(select(tables.training_run)).mappings().one())
        runs = [row | {"run_id": name, "started_at": f"2026-11-29T0{n}:00:00"} for n, name in enumerate(OLD)]
        connection.execute(insert(tables.training_run), runs)


@pytest.fixture
def filled(store_with: OpenFilled, settings: Settings) -> Store:
    store, _ = store_with(fill_with_runs)
    for run in (CHAMPIONS, *OLD):
        for epoch in (1, 2):
            write(settings.checkpoints / run / f"epoch-{epoch}" / "adapter_model.safetensors")
    for name in ("e1", "e2", "latest"):
        write(settings.reports / f"{name}.html")
    write(settings.home / "wandb" / "offline-run-20261101_000000-gone1" / "run.wandb")
    write(settings.home / "wandb" / f"offline-run-20261101_000000-{CHAMPIONS}" / "run.wandb")
    write(settings.from_inbox / "landed" / "talk.txt")
    write(settings.from_inbox / "taken" / "waits.txt")
    write(settings.snapshots / "d1.parquet")
    return store


def leftovers(store: Store, settings: Settings, keep_runs: int = 1, present: datetime = LATER) -> tuple[Leftover, ...]:
    chosen = settings.model_copy(update={"keep_runs": keep_runs})
    return find_leftovers(store, chosen, keep_rules(chosen), present)


def names(found: tuple[Leftover, ...]) -> list[str]:
    return [f"{each.kind}: {each.name}" for each in found]


def delete(store: Store, settings: Settings, found: tuple[Leftover, ...]) -> tuple[Leftover, ...]:
    return delete_leftovers(store, settings, keep_rules(settings.model_copy(update={"keep_runs": 1})), found)


def test_only_what_nothing_needs_is_listed(filled: Store, settings: Settings) -> None:
    """Evaluation e1 decided for the champion; run1 made it; old-3 is the newest other run."""
    assert names(leftovers(filled, settings)) == [
        "checkpoints: training run old-2",
        "checkpoints: training run old-1",
        "reports: evaluation e2",
        "tracking: offline-run-20261101_000000-gone1",
        "landed files: landed/talk.txt",
    ]


def test_evidence_is_read_from_either_database(any_filled_store: Store) -> None:
    evidence = read_evidence(any_filled_store)
    assert (evidence.runs, evidence.evaluations) == ({"run1"}, {"e1"})
    assert runs_by_age(any_filled_store) == ("run1",)
    assert work_in_hand(any_filled_store) == set()  # the lease there has expired


def test_nothing_young_is_listed(filled: Store, settings: Settings) -> None:
    assert leftovers(filled, settings, keep_runs=9, present=datetime.now(UTC)) == ()


def test_days_of_zero_keep_for_ever(filled: Store, settings: Settings) -> None:
    for_ever = {f"keep_{what}_days": 0 for what in ("reports", "tracking", "inbox", "history")}
    assert leftovers(filled, settings.model_copy(update=for_ever), keep_runs=9) == ()


def test_pruned_checkpoint_says_so_and_how(filled: Store, settings: Settings) -> None:
    """Until the run is trained again."""
    gone = delete(filled, settings, leftovers(filled, settings))
    assert len(gone) == 5
    asked = Checkpoint("old-1", 2, "checkpoints/old-1/epoch-2", "a2", None)
    with pytest.raises(ModelError, match=r"was pruned by `feedback housekeeping` on .*`feedback train`.*KEEP_RUNS"):
        verified_folder(settings.home, asked)
    clear_leftovers(settings.home, "old-1")
    with pytest.raises(ModelError, match="is gone"):
        verified_folder(settings.home, asked)


def test_what_is_kept_is_whole_after_deleting(filled: Store, settings: Settings) -> None:
    delete(filled, settings, leftovers(filled, settings))
    assert leftovers(filled, settings) == ()
    champion = Checkpoint(CHAMPIONS, 2, f"checkpoints/{CHAMPIONS}/epoch-2", "a2", None)
    assert find_checkpoint(settings.home, champion) is not None
    kept = ("reports/e1.html", "reports/latest.html", "snapshots/d1.parquet", "from-inbox/taken/waits.txt")
    assert all((settings.home / name).exists() for name in kept)


@pytest.mark.parametrize("lease", ["train:old-1", "infer:any"])
def test_what_is_at_work_stays(filled: Store, settings: Settings, lease: str) -> None:
    """What is asked for feedback could be any of them."""
    acquire(filled, lease)
    listed = names(leftovers(filled, settings))
    assert "checkpoints: training run old-1" not in listed
    assert ("checkpoints: training run old-2" in listed) == lease.startswith("train")


def test_run_that_began_again_meanwhile_stays(filled: Store, settings: Settings) -> None:
    found = leftovers(filled, settings)
    acquire(filled, "train:old-2")
    assert "training run old-2" not in [each.name for each in delete(filled, settings, found)]
    assert (settings.checkpoints / "old-2" / "epoch-1").is_dir()


def test_run_that_was_promoted_meanwhile_stays(filled: Store, settings: Settings) -> None:
    found = leftovers(filled, settings)
    promote(filled, "old-2")
    assert "training run old-2" not in [each.name for each in delete(filled, settings, found)]


def promote(store: Store, run_id: str) -> None:
    with store.write() as connection:
        for table, key, changes in (
            (tables.model_version, "model_id", {"model_id": "m-new", "run_id": run_id}),
            (tables.decision, "decision_id", {"decision_id": "c-new", "model_id": "m-new"}),
            (tables.promotion, "promotion_id", {"promotion_id": 99, "decision_id": "c-new", "model_id": "m-new"}),
        ):
            newest = select(table).order_by(table.c[key].desc()).limit(1)
            row = dict(connection.execute(newest).mappings().one())
            connection.execute(insert(table), [row | changes | ({"kind": "promote"} if "kind" in row else {})])


def test_what_is_shared_goes_too(
    filled: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a run that this home never had, too; who asks for it from another home is told."""
    monkeypatch.setenv("FEEDBACK_SHARED_CHECKPOINTS", str(tmp_path / "place"))
    there, kept = tmp_path / "place" / "checkpoints" / "old-1", tmp_path / "place" / "checkpoints" / CHAMPIONS
    write(there / "epoch-2-a2" / "adapter_model.safetensors", 70)
    write(kept / "epoch-2-a2" / "adapter_model.safetensors")
    shutil.rmtree(settings.checkpoints / "old-1")
    (found,) = [each for each in leftovers(filled, settings) if each.run_id == "old-1"]
    assert (found.paths, found.size) == ((), 70)
    assert delete(filled, settings, (found,)) == (found,)
    assert [path.name for path in there.rglob("*") if path.is_file()] == [".pruned"]
    assert (kept / "epoch-2-a2" / "adapter_model.safetensors").exists()
    assert "old-1" not in [each.run_id for each in leftovers(filled, settings)]
    with pytest.raises(ModelError, match="was pruned by `feedback housekeeping` on"):
        verified_folder(tmp_path / "other", Checkpoint("old-1", 2, "checkpoints/old-1/epoch-2", "a2", None))


def test_second_run_finishes_what_was_cut_off(filled: Store, settings: Settings) -> None:
    """A folder that had moved out of its place is deleted; one that had not is listed again."""
    run = settings.checkpoints / "old-1"
    (run / ".pruned").write_text("2026-11-30")
    (run / "epoch-1").rename(run / ".gone-epoch-1")
    found = leftovers(filled, settings)
    assert "temporary files: checkpoints/old-1/.gone-epoch-1" in names(found)
    delete(filled, settings, found)
    assert [path.name for path in run.iterdir()] == [".pruned"]


def test_drafts_of_dead_writers_are_leftovers(filled: Store, settings: Settings) -> None:
    write(settings.reports / ".e9.html.4711")
    write(settings.checkpoints / "old-3" / ".epoch-2-abc" / "part")
    listed = [each.name for each in leftovers(filled, settings) if each.kind == "temporary files"]
    assert listed == ["reports/.e9.html.4711", "checkpoints/old-3/.epoch-2-abc"]


def test_server_of_a_command_that_runs_stays(filled: Store, settings: Settings) -> None:
    prefect = settings.home / "prefect"
    used, left = write(prefect / "temporary-used" / "lock"), write(prefect / "temporary-left" / "lock")
    with try_lock(used):
        listed = [each.name for each in leftovers(filled, settings) if each.kind == "temporary files"]
    assert listed == [f"prefect/{left.parent.name}"]


def test_cache_of_a_server_goes_when_large(filled: Store, settings: Settings) -> None:
    database = settings.home / "prefect" / "temporary.db"
    with sparse(database, LARGE_CACHE + 1):
        assert [each.name for each in leftovers(filled, settings)][-1] == "prefect/temporary.db"
    with sparse(database, LARGE_CACHE):
        assert "prefect/temporary.db" not in [each.name for each in leftovers(filled, settings)]


def test_long_log_keeps_its_end(filled: Store, settings: Settings) -> None:
    """Whoever has it open goes on behind that."""
    log = settings.home / "prefect" / "server.log"
    with sparse(log, LONG_LOG), log.open("ab") as writer:
        writer.write(b"\n" + b"a line\n" * 3)
        writer.flush()
        (found,) = [each for each in leftovers(filled, settings) if each.kind == "logs"]
        delete(filled, settings, (found,))
        writer.write(b"the next\n")
        writer.flush()
        assert log.read_bytes() == b"a line\n" * 3 + b"the next\n"
    assert found.size < LONG_LOG


@contextmanager
def sparse(path: Path, size: int) -> Iterator[None]:
    """A file that claims to be large."""
    os.truncate(write(path), size)
    yield
    path.unlink()


def test_command_deletes_only_when_it_is_told(
    filled: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    monkeypatch.setenv("FEEDBACK_KEEP_RUNS", "1")
    for options, stays in (((), True), (("--delete",), False)):
        told = CliRunner().invoke(app, ["housekeeping", "--json", *options])
        assert [each["run_id"] for each in json.loads(told.stdout)["leftovers"]] == ["old-2", "old-1"]
        assert (settings.checkpoints / "old-1" / "epoch-1").exists() == stays


async def test_flow_deletes_only_when_it_is_told(
    prefect_api: PrefectApi, filled: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its list is an artifact."""
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    monkeypatch.setenv("FEEDBACK_KEEP_RUNS", "1")
    said = await housekeeping()
    assert said.startswith("can be deleted: checkpoints (2)")
    assert (settings.checkpoints / "old-1" / "epoch-1").is_dir()
    assert (await housekeeping(dry_run=False)).startswith("deleted: checkpoints (2)")
    assert not (settings.checkpoints / "old-1" / "epoch-1").exists()
    told = prefect_api.call("POST", "artifacts/filter", {"artifacts": {"key": {"any_": ["housekeeping"]}}})
    assert all("training run old-1" in each["data"] for each in told)
