"""Forgetting a speaker, a recording or a source: find all that is kept, remove it, leave tombstones.

Files that only the database can tell go first, then the database in one transaction; every other step follows from the
tombstones in it. So the same call again, and once the name is gone a call without one, finishes what was cut off.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from feedback_model.errors import InputError
from feedback_model.forgetting.files import (
    Meant,
    files_in_inbox,
    landed_files,
    remove_drafts,
    remove_from_inbox,
    reports_about,
)
from feedback_model.records.recordings import Recording
from feedback_model.records.transcripts import Forgettable
from feedback_model.settings import Settings
from feedback_model.store import burial
from feedback_model.store import forgetting as kept
from feedback_model.store.connection import Store
from feedback_model.store.forgetting import Target, Traces
from feedback_model.store.locks import hold
from feedback_model.transcripts.persons import person_of, plain_name, speakers_of
from feedback_model.transcripts.snapshots import take_from_snapshot


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be forgotten, and where it is."""

    name: str
    kind: Forgettable
    traces: Traces
    inbox: tuple[Path, ...]
    """Files that hold it, other transcripts among them perhaps."""

    @property
    def is_empty(self) -> bool:
        """True where nothing is kept."""
        return not self.traces.transcripts and not self.inbox and not self.traces.n_refused


@dataclass(frozen=True, slots=True)
class Cleared:
    """Files that were changed or removed, and reports that show what is forgotten."""

    inbox: tuple[Path, ...]
    snapshots: tuple[Path, ...]
    reports: dict[str, list[Path]]
    """To be written again: their files, by the name that they share (an evaluation, or `latest`)."""


def make_plan(store: Store, settings: Settings, name: str, kind: Forgettable | None = None) -> Plan:
    """Find all that is kept of a speaker, a recording or a source.

    Args:
        kind: what `name` is; None where that is to be found out.

    Raises:
        InputError: nothing is called so, or more than one thing is.
        Interrupted: a stop was requested.
    """
    chosen, ids = _choose(store, name, kind)
    target = _target(name, chosen)
    traces = kept.traces(store, ids, target)
    inbox = files_in_inbox(settings, set(traces.transcripts), _meant(target), traces.locators)
    plan = Plan(name, chosen, traces, tuple(inbox))
    if plan.is_empty:
        raise InputError(f"nothing is kept of a {chosen} {name!r}; {_KNOWN[chosen]}")
    return plan


def carry_out(store: Store, settings: Settings, plan: Plan) -> tuple[Plan, Cleared]:
    """Forget what was planned, and what landed of it meanwhile; returns the plan as it was carried out.

    Raises:
        InputError: a labeller is being asked about it, or another process is at work that might write it anew.
        StoreError: the database or a file cannot be written.
    """
    with hold(store, "land", "lands or forgets") as held:
        others = burial.others_at_work(store)
        if others:
            raise InputError(
                f"another process is at work that may write what is to be forgotten ({others[0]}); stop it, or wait"
            )
        plan = make_plan(held, settings, plan.name, plan.kind)
        for path in plan.inbox:
            remove_from_inbox(path)
        burial.bury(held, plan.traces.transcripts, _target(plan.name, plan.kind))
        cleared = clear(held, settings)
        return plan, Cleared((*plan.inbox, *cleared.inbox), cleared.snapshots, cleared.reports)


def clear(store: Store, settings: Settings) -> Cleared:
    """Remove from every place what has a tombstone, and let the database give its room back.

    Raises:
        StoreError: the database or a file cannot be written, or another process reads what is still in its file.
    """
    buried = burial.tombstones(store)
    inbox = landed_files(settings, buried)
    for path in inbox:
        remove_from_inbox(path)
    remove_drafts([settings.snapshots, settings.reports])
    snapshots = [path for path in sorted(settings.snapshots.glob("*.parquet")) if take_from_snapshot(path, buried)]
    with store.write() as connection:
        burial.remove_what_was_made(connection)
    store.compact()
    reports = reports_about(settings, buried, kept.evaluations_of_forgotten(store))
    return Cleared(tuple(inbox), tuple(snapshots), reports)


def _choose(store: Store, name: str, kind: Forgettable | None) -> tuple[Forgettable, tuple[str, ...]]:
    if kind is not None:
        return kind, _find(store, name, kind)
    if person_of(name) is None and _find(store, name, "speaker"):
        raise InputError(
            f"{name!r} is a label that means somebody else in each recording: forget the recording, by its document, your id "
            "of it or its file; or with --as speaker everybody who is called so"
        )
    kinds: tuple[Forgettable, ...] = ("speaker", "document", "source")
    found: dict[Forgettable, tuple[str, ...]] = {each: ids for each in kinds if (ids := _find(store, name, each))}
    if len(set(found.values())) > 1:
        counts = " and ".join(f"a {each} ({len(ids)} transcripts)" for each, ids in found.items())
        raise InputError(f"{name!r} is {counts}; say which is meant: --as {' or --as '.join(found)}")
    if not found:
        return ("document" if person_of(name) is None else "speaker"), ()
    return next(iter(found.items()))


def _find(store: Store, name: str, kind: Forgettable) -> tuple[str, ...]:
    match kind:
        case "speaker":
            called = [each for each in kept.speakers(store) if plain_name(each) == plain_name(name)]
            return kept.transcripts_of_speakers(store, called)
        case "document":
            return _of_document(store, name)
        case "source":
            return kept.transcripts_of_source(store, name)


def _of_document(store: Store, name: str) -> tuple[str, ...]:
    places = kept.places_of_document(store, name)
    files = sorted({kept.path_of(each.locator) for each in places if each.document != name})
    if len(files) > 1:
        shown = ", ".join(files[:5])
        raise InputError(
            f"{name!r} stands in {len(files)} files ({shown}); name one by its path, or a record by file:line"
        )
    return tuple(sorted({each.transcript_id for each in places} | {*kept.transcripts_of_old_source(store, name)}))


_KNOWN: Final[dict[Forgettable, str]] = {
    "speaker": "the view `occurrences` lists the speakers",
    "document": "the view `occurrences` lists recordings, their ids and files",
    "source": "the view `transcript_texts` lists the sources",
}


def _target(name: str, kind: Forgettable) -> Target:
    words = re.compile(rf"(?<!\w){re.escape(' '.join(name.casefold().split()))}(?!\w)")
    return Target(
        name,
        kind,
        spells=lambda spelled: plain_name(spelled) == plain_name(name),
        stands_in=lambda told: words.search(" ".join(told.casefold().split())) is not None,
    )


def _meant(target: Target) -> Meant:
    def is_meant(recording: Recording) -> bool:
        match target.kind:
            case "speaker":
                return any(map(target.spells, speakers_of(recording.turns)))
            case "document":
                return target.name in (recording.document, recording.id) or kept.lies_in(recording.file, target.name)
            case "source":
                return recording.source == target.name

    return is_meant
