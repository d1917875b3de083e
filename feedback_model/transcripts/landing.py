"""Landing: documents in, transcripts in the database, and every refusal kept with its reason.

The rules that keep later numbers honest are here. A transcript is named by its cleaned text, so the same text never
lands twice. A newcomer that nearly duplicates something known takes that one's source, and with it its split; one whose
near duplicates stand in several splits would tie them together and is refused (`bridges_splits`). So it is with speakers
who are known by name: nobody is heard in two splits. Where a text occurred is kept each time it does.

Transcripts are committed in chunks; the batch, which is what wakes a retraining, is made at the very end. A landing
that was cut off is finished by landing the same again: what it left counts as accepted then.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from feedback_model.progress import Tracker, track
from feedback_model.records.identifiers import content_id
from feedback_model.records.transcripts import Occurrence, Split, Transcript
from feedback_model.store.connection import Store
from feedback_model.store.forgetting import path_of
from feedback_model.store.locks import hold
from feedback_model.store.transcripts import (
    BatchCounts,
    NewOccurrence,
    NewTranscript,
    Reject,
    Standing,
    add_transcripts,
    close_batch,
    places,
    splits_of_persons,
    stored_of,
)
from feedback_model.transcripts.cleaning import count_words
from feedback_model.transcripts.documents import prepare_document, transcript_id_of
from feedback_model.transcripts.near_duplicates import NearDuplicates, signature_of
from feedback_model.transcripts.persons import person_of, speakers_of
from feedback_model.transcripts.raw_records import RawRecord, excerpt
from feedback_model.transcripts.reading_options import Assumptions, ReadingOptions
from feedback_model.transcripts.sources import read_sources, source_name
from feedback_model.transcripts.splits import split_of

FORGOTTEN: Final = "it was forgotten at somebody's wish (`feedback forget`) and stays so"
REJECTS_KEPT = 10_000  # per batch; all are counted
REASONS_TOLD = 100  # of a file; as many files are told of as have refusals
_CHUNK = 500  # transcripts in a transaction: about a second of work to lose


@dataclass(frozen=True, slots=True)
class LandingSummary:
    """Counts of a landing, in transcripts; a record that never became one counts once."""

    batch_id: str | None
    """The batch that retraining may claim; None where nothing was new."""
    accepted: int
    known: int
    """Landed before."""
    duplicate: int
    """The same text twice in this landing."""
    rejected: Mapping[str, int]
    """By code."""
    reasons: Mapping[str, str]
    """For each code one example: where, and why."""
    assumed: Sequence[str] = ()
    """What was assumed of files or mended in them, a sentence each, with where."""
    refusals: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]], repr=False)
    """By file, a sentence on each of the first things that were refused in it."""
    unusable: Sequence[str] = ()
    """Files of which nothing could be used."""


def land(
    store: Store,
    paths: Sequence[str],
    *,
    source: str | None = None,
    options: ReadingOptions | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> LandingSummary:
    """Land the documents of `paths`; landing the same again changes nothing. Two landings at once take turns.

    Args:
        source: where it comes from, in place of what records and file names say.
        options: how files are read: columns, encoding, and whose turns make a transcript.
        limit: take a sample of so many documents, drawn with `seed`.

    Raises:
        InputError: a path does not exist or a hub dataset cannot be reached.
        Interrupted: a stop was requested; what was committed stays.
    """
    assumptions = Assumptions()
    records = read_sources(paths, options, assumptions, limit=limit, seed=seed)
    progress = track("land", None)
    with hold(store, "land", "lands files") as held:
        landing = _Landing(held, source)
        arrivals = landing.candidates(records, progress)
        while chunk := list(islice(arrivals, _CHUNK)):
            landing.take(chunk)
        summary = landing.finish(source or ", ".join(source_name(path) for path in paths))
    return replace(summary, assumed=assumptions.sentences())


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A transcript as it comes, with where it stands."""

    text: str
    source: str
    genre: str
    occurrence: Occurrence

    @property
    def persons(self) -> dict[str, str]:
        """Those who speak in it and are known by name: how the file spells it, and how all files are taken to."""
        found = {name: person_of(name) for name in self.occurrence.speakers}
        return {name: person for name, person in found.items() if person}


def split_document(record: RawRecord, source: str | None = None) -> Iterator[_Candidate | Reject]:
    """Yield the transcripts that one document makes, all of one source; or why it makes none."""
    document = prepare_document(record)
    if isinstance(document, Reject):
        names = {"document": record.document or record.recording, "record_id": record.record_id}
        yield replace(document, speakers=speakers_of(record.turns), **names)
        return
    name = record.document or record.recording or transcript_id_of(document.text)
    for number, piece in enumerate(document.pieces, start=1):
        occurrence = Occurrence(
            transcript_id_of(piece.text),
            name,
            record.record_id,
            record.locator,
            piece.speakers,
            number,
            len(document.pieces),
            piece.start,
            piece.end,
            record.language,
        )
        yield _Candidate(piece.text, source or record.source, record.genre, occurrence)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a transcript was placed."""

    source_id: str
    split: Split


def _refuse(candidate: _Candidate, code: str, reason: str, begins: bytes = b"") -> Reject:
    own = candidate.occurrence
    return Reject(own.locator, code, reason, begins, own.speakers, own.document, own.record_id)


@dataclass
class _Landing:
    """One landing under way."""

    store: Store
    source: str | None
    accepted: dict[str, None] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    refusals: dict[str, list[str]] = field(default_factory=dict)
    usable: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        stored = places(self.store)
        self.index = NearDuplicates((each.transcript_id, each.signature) for each in stored)
        self.placed = {each.transcript_id: _Place(each.source_id, each.split) for each in stored}
        self.persons = splits_of_persons(self.store)

    def candidates(self, records: Iterable[RawRecord | Reject], progress: Tracker) -> Iterator[_Candidate]:
        """Yield every transcript of `records` that can be used; the rest is noted."""
        for record in records:
            pieces = iter([record]) if isinstance(record, Reject) else split_document(record, self.source)
            for piece in pieces:
                progress.advance(0)
                if isinstance(piece, Reject):
                    self.note(piece)
                else:
                    yield piece
            progress.advance()

    def note(self, reject: Reject) -> None:
        """Count a reject and keep it."""
        self.rejected[reject.code] += 1
        sentence = f"{reject.locator}: {reject.reason}"
        self.reasons.setdefault(reject.code, sentence)
        if len(self.rejects) < REJECTS_KEPT:
            self.rejects.append(reject)
        told = self.refusals.setdefault(path_of(reject.locator), [])
        if len(told) < REASONS_TOLD:
            told.append(sentence)

    def take(self, chunk: Sequence[_Candidate]) -> None:
        """Store what is new in `chunk`, and where each text of it occurred, in one transaction."""
        stored = stored_of(self.store, [candidate.occurrence.transcript_id for candidate in chunk])
        arrivals: list[NewTranscript] = []
        occurrences: list[NewOccurrence] = []
        for candidate in chunk:
            arrival = self.judge(candidate, stored)
            if isinstance(arrival, Reject):
                self.note(arrival)
                if arrival.code != "forgotten" and candidate.occurrence.transcript_id in self.placed:
                    # It stands in another split than its speaker: it stays there, tying nothing, and whose it is stays known.
                    occurrences.append(NewOccurrence(candidate.occurrence, {}))
                continue
            self.usable.add(path_of(candidate.occurrence.locator))
            occurrences.append(NewOccurrence(candidate.occurrence, candidate.persons))
            arrivals += [arrival] if arrival else []
        if occurrences:
            add_transcripts(self.store, arrivals, occurrences)

    def judge(self, candidate: _Candidate, stored: Mapping[str, Standing]) -> NewTranscript | Reject | None:
        """Return the transcript to store for `candidate`; None where its text is there already."""
        name = candidate.occurrence.transcript_id
        if stored.get(name) == "forgotten":
            return replace(_refuse(candidate, "forgotten", FORGOTTEN), speakers=(), record_id=None, document=None)
        known = self.placed.get(name)
        found = (
            self.place(candidate) if known is None else self.find_split(candidate, "it is a transcript", {known.split})
        )
        if isinstance(found, Reject):
            return found
        self.count(name, stored.get(name))
        return found if isinstance(found, NewTranscript) else None

    def count(self, name: str, standing: Standing | None) -> None:
        """Count a transcript: new or left by a landing that was cut off, known, or the same text twice."""
        if name in self.seen:
            self.counts["duplicate"] += 1
        elif standing == "whole":
            self.counts["known"] += 1
        else:
            self.accepted[name] = None
        self.seen.add(name)

    def place(self, candidate: _Candidate) -> NewTranscript | Reject:
        """Give a new text its source and split, minding what it nearly duplicates and who speaks in it."""
        occurrence, signature = candidate.occurrence, signature_of(candidate.text)
        near = [self.placed[neighbour.name] for neighbour in self.index.find(signature)]
        split = self.find_split(candidate, "it nearly duplicates transcripts", {place.split for place in near})
        if isinstance(split, Reject):
            return split
        known = [place.source_id for place in near]
        source_id = known[0] if known and occurrence.document not in known else occurrence.document
        self.index.add(occurrence.transcript_id, signature)
        self.placed[occurrence.transcript_id] = _Place(source_id, split)
        own = Transcript(occurrence.transcript_id, source_id, candidate.text, candidate.source, candidate.genre, split)
        return NewTranscript(own, count_words(candidate.text), signature)

    def find_split(self, candidate: _Candidate, ties: str, splits: Set[Split]) -> Split | Reject:
        """Return the split in which a text belongs, and remember that who speaks in it is heard there.

        Args:
            ties: words for what ties it to `splits`.
            splits: those where its like stands; empty where there is none.
        """
        persons = candidate.persons
        heard: dict[str, Split] = {name: self.persons[name] for name in persons.values() if name in self.persons}
        wanted: set[Split] = {*splits, *heard.values()}
        if len(wanted) > 1:
            reasons = [f"{ties} of {' and '.join(sorted(splits))}"] if splits else []
            reasons += [f"{name} speaks in {heard[person]}" for name, person in persons.items() if person in heard]
            return _refuse(candidate, "bridges_splits", " and ".join(reasons), excerpt(candidate.text))
        group = f"speaker:{next(iter(persons.values()))}" if len(persons) == 1 else candidate.occurrence.document
        split = next(iter(wanted), None) or split_of(group)
        self.persons |= dict.fromkeys(persons.values(), split)
        return split

    def finish(self, source: str) -> LandingSummary:
        """Close the batch. With nothing new there is none to claim, but a row still holds the rejects."""
        accepted = sorted(self.accepted)
        batch_id = content_id("batch", accepted) if accepted else self.name_of_rejects()
        counts = BatchCounts(len(accepted), self.counts["known"], self.counts["duplicate"], self.rejected.total())
        if accepted or self.rejects:
            close_batch(self.store, batch_id, source, ids=accepted, counts=counts, rejects=self.rejects)
        return LandingSummary(
            batch_id if accepted else None,
            counts.accepted,
            counts.known,
            counts.duplicate,
            dict(self.rejected),
            self.reasons,
            refusals=self.refusals,
            unusable=sorted(self.refusals.keys() - self.usable),
        )

    def name_of_rejects(self) -> str:
        """Return the id of a batch in which nothing was accepted: the same rejects again are not kept twice."""
        return content_id("rejects", [(reject.locator, reject.code) for reject in self.rejects])
