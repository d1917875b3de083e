"""Recordings as documents: everything that was said, what each speaker said, or what one of them said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from feedback_model.records.identifiers import content_id
from feedback_model.records.recordings import Recording, Turn
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.cleaning import clean_text
from feedback_model.transcripts.mending import mend
from feedback_model.transcripts.persons import plain_name
from feedback_model.transcripts.raw_records import RawRecord
from feedback_model.transcripts.reading_options import ALL, EACH, Assumptions, ReadingOptions
from feedback_model.transcripts.redaction import redact, redact_turns


@dataclass
class Documents:
    """Makes documents of recordings."""

    options: ReadingOptions
    assumptions: Assumptions

    def of(self, recording: Recording | Reject) -> Iterator[RawRecord | Reject]:
        """Yield the documents of a recording. A speaker's turns are joined, so short ones are not lost."""
        if isinstance(recording, Reject):
            yield self._without_numbers(recording)
        elif self.options.speaker == ALL:
            yield self._document(recording, recording.turns, _only_speaker(recording))
        else:
            yield from self._by_speaker(recording)

    def _by_speaker(self, recording: Recording) -> Iterator[RawRecord | Reject]:
        spoken: dict[str | None, list[Turn]] = {}
        for turn in recording.turns:
            spoken.setdefault(turn.speaker, []).append(turn)
        asked = self.options.speaker
        wanted = [name for name in spoken if asked == EACH or plain_name(name or "") == plain_name(asked)]
        if not wanted:
            names = ", ".join(sorted(name for name in spoken if name))
            reason = f"nobody in it is called {asked!r} ({names or 'it names no speakers'}); name one, or `all`"
            yield Reject(recording.file, "no_speaker", reason)
        whole = content_id("transcript", clean_text(mend(joined(recording.turns))[0]))
        for name in wanted:
            yield self._document(recording, spoken[name], name, whole)

    def _document(
        self, recording: Recording, turns: Sequence[Turn], speaker: str | None, whole: str | None = None
    ) -> RawRecord:
        if self.options.redact:
            turns = redact_turns(turns, joined(turns), _starts(turns))
        text, mended = mend(joined(turns))
        if self.options.redact:  # an address may have stood in HTML's escapes
            text = redact(text)
        for what in mended:
            self.assumptions.note(what, recording.file)
        return RawRecord(
            text,
            recording.file,
            recording.source,
            recording.document,
            recording.genre,
            recording.id,
            speaker,
            whole,
            tuple(turns),
            recording.language,
        )

    def _without_numbers(self, refused: Reject) -> Reject:
        if not self.options.redact:
            return refused
        return replace(refused, excerpt=redact(refused.excerpt.decode("utf-8", "replace")).encode())


def _only_speaker(recording: Recording) -> str | None:
    """Return the speaker where there is one alone."""
    first = recording.turns[0].speaker
    return first if all(turn.speaker == first for turn in recording.turns) else None


def _starts(turns: Sequence[Turn]) -> list[int]:
    """Return where in the joined text each turn's begins."""
    return list(accumulate((len(turn.text) + 1 for turn in turns[:-1]), initial=0))


def joined(turns: Sequence[Turn]) -> str:
    """Return what was said: what one speaker said in a row on one line, and each change of speaker on a new one."""
    parts: list[str] = []
    for number, turn in enumerate(turns):
        if number:
            parts.append(" " if turn.speaker == turns[number - 1].speaker else "\n")
        parts.append(turn.text)
    return "".join(parts)
