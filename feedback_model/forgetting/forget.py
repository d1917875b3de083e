"""Forgetting a speaker, a recording or a source: find all that is kept, remove it, leave tombstones.

The database comes first, in one transaction; every other step follows from the tombstones in it. So a call without a name
finishes what an earlier one was cut off in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from feedback_model.errors import InputError
from feedback_model.forgetting.files import Meant, files_in_inbox, reports_about, take_from_snapshot
from feedback_model.records.recordings import Recording
from feedback_model.settings import Settings
from feedback_model.store import forgetting as rows
from feedback_model.store.connection import Store
from feedback_model.store.forgetting import Traces
from feedback_model.store.locks import hold
from feedback_model.transcripts.persons import person_of, plain_name, speakers_of

Kind = Literal["speaker", "document", "source"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be forgotten, and where it is."""

    name: str
    kind: Kind
    traces: Traces
    inbox: tuple[Path, ...]
    """Files that hold it, other transcripts among them perhaps."""

    @property
    def is_empty(self) -> bool:
        """True where nothing is kept."""
        return not self.traces.transcripts and not self.inbox


@dataclass(frozen=True, slots=True)
class Cleared:
    """Files that were changed or removed because of tombstones."""

    inbox: tuple[Path, ...]
    snapshots: tuple[Path, ...]
    reports: tuple[str, ...]
    """Names of reports that were removed: evaluations, or `latest`."""


def make_plan(store: Store, settings: Settings, name: str, kind: Kind | None = None) -> Plan:
    """Find all that is kept of a speaker, a recording or a source.

    Args:
        kind: what `name` is; None where that is to be found out.

    Raises:
        InputError: nothing is called so, or more than one kind of thing is.
        Interrupted: a stop was requested.
    """
    kind, ids = _choose(name, kind, _find(store, name))
    traces = rows.traces(store, ids)
    inbox = files_in_inbox(settings, set(traces.transcripts), _meant(name, kind))
    plan = Plan(name, kind, traces, tuple(inbox))
    if plan.is_empty:
        raise InputError(f"nothing is kept of a {kind} {name!r}; {_KNOWN[kind]}")
    return plan


def carry_out(store: Store, settings: Settings, plan: Plan) -> Cleared:
    """Forget what was planned.

    Raises:
        InputError: a labeller is being asked about it, or another process is at work that might write it anew.
        StoreError: the database or a file cannot be written.
    """
    with hold(store, "land", "lands or forgets") as held:
        _demand_quiet(store, plan)
        for path in plan.inbox:
            path.unlink(missing_ok=True)
        files = [path.name for path in plan.inbox] + ([plan.name] if plan.kind == "document" else [])
        rows.bury(held, plan.traces.transcripts, files=files, names=[plan.name])
        return clear(held, settings, done=plan.inbox)


def clear(store: Store, settings: Settings, done: Sequence[Path] = ()) -> Cleared:
    """Remove from files what has a tombstone, and let the database give its room back.

    Args:
        done: files that were removed already.

    Raises:
        StoreError: the database or a file cannot be written.
    """
    buried = set(rows.tombstones(store))
    inbox = () if done else tuple(files_in_inbox(settings, buried))
    for path in inbox:
        path.unlink(missing_ok=True)
    snapshots = [path for path in sorted(settings.snapshots.glob("*.parquet")) if take_from_snapshot(path, buried)]
    reports = reports_about(settings, buried)
    for path in (path for files in reports.values() for path in files):
        path.unlink(missing_ok=True)
    store.compact()
    return Cleared((*done, *inbox), tuple(snapshots), tuple(reports))


def _find(store: Store, name: str) -> dict[Kind, tuple[str, ...]]:
    return {kind: find(store, name) for kind, find in _WAYS.items()}


def _choose(name: str, kind: Kind | None, found: dict[Kind, tuple[str, ...]]) -> tuple[Kind, tuple[str, ...]]:
    if kind is not None:
        return kind, found[kind]
    kinds: list[Kind] = [each for each, ids in found.items() if ids]
    if len({found[each] for each in kinds}) > 1:
        counts = " and ".join(f"a {each} ({len(found[each])} transcripts)" for each in kinds)
        raise InputError(f"{name!r} is {counts}; say which is meant: --as {' or --as '.join(kinds)}")
    chosen: Kind = kinds[0] if kinds else "speaker"
    return chosen, found[chosen]


def _of_speaker(store: Store, name: str) -> tuple[str, ...]:
    if person_of(name) is None:  # `Speaker 1` is somebody else in each recording
        return ()
    called = [each for each in rows.speakers(store) if plain_name(each) == plain_name(name)]
    return rows.transcripts_of_speakers(store, called)


_WAYS: Final[dict[Kind, Callable[[Store, str], tuple[str, ...]]]] = {
    "speaker": _of_speaker,
    "document": rows.transcripts_of_document,
    "source": rows.transcripts_of_source,
}
_KNOWN: Final[dict[Kind, str]] = {
    "speaker": "the view `occurrences` lists the speakers; a label such as `Speaker 1` names nobody: name the recording",
    "document": "the view `occurrences` lists recordings, their ids and files",
    "source": "the view `transcript_texts` lists the sources",
}


def _meant(name: str, kind: Kind) -> Meant:
    def is_meant(recording: Recording) -> bool:
        match kind:
            case "speaker":
                return any(plain_name(each) == plain_name(name) for each in speakers_of(recording.turns))
            case "document":
                return name in (recording.document, recording.id, Path(rows.file_of(recording.file)).name)
            case "source":
                return recording.source == name

    return is_meant


def _demand_quiet(store: Store, plan: Plan) -> None:
    if plan.traces.n_in_flight:
        raise InputError(
            f"a labeller is being asked about {plan.traces.n_in_flight} of these transcripts; forget them when that has ended "
            "(`feedback label` brings in what a batch has answered)"
        )
    others = rows.others_at_work(store)
    if others:
        raise InputError(
            f"another process is at work that may write what is to be forgotten ({others[0]}); stop it, or wait"
        )
