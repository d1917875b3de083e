"""Landing: documents in, transcripts in the database, and every refusal kept with its reason.

The rules that keep later numbers honest are here. A transcript is named by its cleaned text, so the same text never
lands twice. A newcomer that nearly duplicates something known takes that one's source, and with it its split; one whose
near duplicates stand in several splits would tie them together and is refused (`bridges_splits`).

Transcripts are committed in chunks; the batch, which is what wakes a retraining, is made at the very end. A landing
that was cut off is finished by landing the same again: what it left counts as accepted then.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from feedback_model.progress import Tracker, track
from feedback_model.records.identifiers import content_id
from feedback_model.records.transcripts import Transcript
from feedback_model.store.connection import Store
from feedback_model.store.locks import hold
from feedback_model.store.transcripts import (
    BatchCounts,
    NewTranscript,
    Reject,
    add_transcripts,
    close_batch,
    signatures,
    stored_of,
)
from feedback_model.transcripts.cleaning import count_words
from feedback_model.transcripts.documents import prepare_document, transcript_id_of
from feedback_model.transcripts.near_duplicates import NearDuplicates, signature_of
from feedback_model.transcripts.raw_records import RawRecord, excerpt
from feedback_model.transcripts.reading_options import Assumptions, ReadingOptions
from feedback_model.transcripts.sources import read_sources, source_name
from feedback_model.transcripts.splits import split_of

REJECTS_KEPT = 10_000  # per batch; all are counted
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
    transcript_id: str
    source_id: str
    text: str
    locator: str
    source: str
    genre: str


def split_document(record: RawRecord, source: str | None = None) -> Iterator[_Candidate | Reject]:
    """Yield the transcripts that one document makes, all of one source; or why it makes none."""
    document = prepare_document(record)
    if isinstance(document, Reject):
        yield document
        return
    source_id = record.document or record.recording or transcript_id_of(document.text)
    for piece in document.pieces:
        yield _Candidate(
            transcript_id_of(piece), source_id, piece, record.locator, source or record.source, record.genre
        )


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

    def __post_init__(self) -> None:
        stored = signatures(self.store)
        self.sources = {transcript_id: source_id for transcript_id, source_id, _ in stored}
        self.index = NearDuplicates((transcript_id, signature) for transcript_id, _, signature in stored)

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
        self.reasons.setdefault(reject.code, f"{reject.locator}: {reject.reason}")
        if len(self.rejects) < REJECTS_KEPT:
            self.rejects.append(reject)

    def take(self, chunk: Sequence[_Candidate]) -> None:
        """Store what is new in `chunk`, in one transaction."""
        stored = stored_of(self.store, [candidate.transcript_id for candidate in chunk])
        judged = (self.judge(candidate, stored) for candidate in chunk)
        arrivals = [arrival for arrival in judged if arrival is not None]
        if arrivals:
            add_transcripts(self.store, arrivals)

    def judge(self, candidate: _Candidate, stored: Mapping[str, bool]) -> NewTranscript | None:
        """Return the transcript to store for `candidate`; None, and counted, where there is nothing to store."""
        name = candidate.transcript_id
        if name in self.seen:
            self.counts["duplicate"] += 1
            return None
        self.seen.add(name)
        if name in stored:
            self.recognise(name, stored[name])
            return None
        arrival = self.place(candidate)
        if isinstance(arrival, Reject):
            self.note(arrival)
            return None
        self.accepted[name] = None
        return arrival

    def recognise(self, name: str, whole: bool) -> None:
        """Count a transcript that is stored already: known, or left by a landing that was cut off."""
        if whole:
            self.counts["known"] += 1
        else:
            self.accepted[name] = None

    def place(self, candidate: _Candidate) -> NewTranscript | Reject:
        """Give `candidate` its source and split, minding what it nearly duplicates."""
        signature = signature_of(candidate.text)
        near = [self.sources[neighbour.name] for neighbour in self.index.find(signature)]
        splits = sorted({split_of(source_id) for source_id in near})
        if len(splits) > 1:
            words = f"it nearly duplicates transcripts of {' and '.join(splits)}"
            return Reject(candidate.locator, "bridges_splits", words, excerpt(candidate.text))
        source_id = near[0] if near and candidate.source_id not in near else candidate.source_id
        self.index.add(candidate.transcript_id, signature)
        self.sources[candidate.transcript_id] = source_id
        own = Transcript(
            candidate.transcript_id, source_id, candidate.text, candidate.source, candidate.genre, split_of(source_id)
        )
        return NewTranscript(own, count_words(candidate.text), signature)

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
        )

    def name_of_rejects(self) -> str:
        """Return the id of a batch in which nothing was accepted: the same rejects again are not kept twice."""
        return content_id("rejects", [(reject.locator, reject.code) for reject in self.rejects])
