"""Recordings as documents: everything that was said, what each speaker said, or what one of them said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from feedback_model.records.identifiers import content_id
from feedback_model.records.recordings import Recording, Turn
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.cleaning import clean_text
from feedback_model.transcripts.mending import mend
from feedback_model.transcripts.persons import plain_name
from feedback_model.transcripts.raw_records import RawRecord
from feedback_model.transcripts.reading_options import ALL, EACH, Assumptions, ReadingOptions
from feedback_model.transcripts.redaction import Aliases, redact_turns


@dataclass
class Documents:
    """Makes documents of recordings."""

    options: ReadingOptions
    assumptions: Assumptions
    aliases: Aliases = field(default_factory=Aliases)

    def of(self, recording: Recording | Reject) -> Iterator[RawRecord | Reject]:
        """Yield the documents of a recording. A speaker's turns are joined, so short ones are not lost."""
        if isinstance(recording, Reject):  # the beginning of what could not be read is no text that could be redacted
            yield replace(recording, excerpt=b"") if self.options.redact else recording
            return
        recording = self._cleaned(recording)
        if self.options.speaker == ALL or not recording.turns:
            yield self._document(recording, recording.turns, _only_speaker(recording))
        else:
            yield from self._by_speaker(recording)

    def _cleaned(self, recording: Recording) -> Recording:
        """Mend, clean and redact each turn, so that words are counted on what is kept."""
        turns: list[Turn] = []
        for turn in recording.turns:
            text, mended = mend(turn.text)
            if cleaned := clean_text(text):
                turns.append(Turn(turn.speaker, turn.start, turn.end, cleaned))
            for what in mended:
                self.assumptions.note(what, recording.file)
        if not self.options.redact:
            return replace(recording, turns=tuple(turns))
        called = [replace(each, speaker=each.speaker and self.aliases.of(each.speaker)) for each in turns]
        return replace(
            recording,
            turns=tuple(each for each in redact_turns(called, joined(called), _starts(called)) if each.text.strip()),
            id=recording.id and self.aliases.of(recording.id),
            document=recording.document and self.aliases.of(recording.document),
        )

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
        whole = content_id("transcript", clean_text(joined(recording.turns)))
        for name in wanted:
            yield self._document(recording, spoken[name], name, whole)

    def _document(
        self, recording: Recording, turns: Sequence[Turn], speaker: str | None, whole: str | None = None
    ) -> RawRecord:
        return RawRecord(
            joined(turns),
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


def _only_speaker(recording: Recording) -> str | None:
    """Return the speaker where there is one alone."""
    first = recording.turns[0].speaker if recording.turns else None
    return first if all(turn.speaker == first for turn in recording.turns) else None


def _starts(turns: Sequence[Turn]) -> list[int]:
    """Return where in the joined text each turn's begins."""
    return list(accumulate((len(turn.text) + 1 for turn in turns[:-1]), initial=0))[: len(turns)]


def joined(turns: Sequence[Turn]) -> str:
    """Return what was said: what one speaker said in a row on one line, and each change of speaker on a new one."""
    parts: list[str] = []
    for number, turn in enumerate(turns):
        if number:
            parts.append(" " if turn.speaker == turns[number - 1].speaker else "\n")
        parts.append(turn.text)
    return "".join(parts)
