"""Documents made ready for a model: cleaned, refused where they cannot be judged, and cut. Landing and scoring share it."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from feedback_model.records.identifiers import content_id
from feedback_model.records.recordings import Turn
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.cleaning import clean_text, count_words, letter_share
from feedback_model.transcripts.persons import speakers_of
from feedback_model.transcripts.raw_records import RawRecord, excerpt
from feedback_model.transcripts.segmenting import segment

FEWEST_WORDS: Final = 20
"""Below this there is too little speech to judge six traits."""
LEAST_LETTERS: Final = 0.5
"""Share of visible characters; below this it is a table, code or an encoded file."""


@dataclass(frozen=True, slots=True)
class PreparedPiece:
    """What a model is given whole."""

    text: str
    speakers: tuple[str, ...]
    """Whose words are in it; empty where the file names nobody."""
    start: float | None
    """Seconds from the recording's beginning to that of the first turn of which this has words; None without times."""
    end: float | None
    """To the end of the last one."""


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document as models read it."""

    text: str
    """Cleaned."""
    pieces: tuple[PreparedPiece, ...]
    """The text, or if it is long, the parts of it that are read one by one."""


def prepare_document(record: RawRecord) -> PreparedDocument | Reject:
    """Clean a document and cut it into pieces; or say why it cannot be judged."""
    text = clean_text(record.text)
    return _problem(text, record.locator) or PreparedDocument(text, _cut(text, record.turns))


def transcript_id_of(text: str) -> str:
    """Return the id of the transcript with this cleaned text."""
    return content_id("transcript", text)


def _cut(text: str, turns: Sequence[Turn]) -> tuple[PreparedPiece, ...]:
    parts = segment(text)
    found = [turns] if len(parts) == 1 else _turns_of_parts(parts, turns)
    speakers = speakers_of(turns)  # of all, for the parts whose turns cannot be told
    return tuple(
        PreparedPiece(part, speakers_of(own) if own else speakers, *_times(own))
        for part, own in zip(parts, found, strict=True)
    )


def _turns_of_parts(parts: Sequence[str], turns: Sequence[Turn]) -> list[Sequence[Turn]]:
    """Return the turns of which each part has words; none where cleaning changed the number of words."""
    ends = list(accumulate(count_words(turn.text) for turn in turns))
    cuts = [0, *accumulate(map(count_words, parts))]
    if not ends or ends[-1] != cuts[-1]:
        return [()] * len(parts)
    return [turns[bisect_right(ends, first) : bisect_left(ends, last) + 1] for first, last in pairwise(cuts)]


def _times(turns: Sequence[Turn]) -> tuple[float | None, float | None]:
    starts = [turn.start for turn in turns if turn.start is not None]
    ends = [turn.end for turn in turns if turn.end is not None]
    return min(starts, default=None), max(ends, default=None)


def _problem(text: str, locator: str) -> Reject | None:
    n_words = count_words(text)
    if n_words < FEWEST_WORDS:
        return Reject(locator, "too_short", f"{_counted(n_words)}; at least {FEWEST_WORDS} are needed", excerpt(text))
    share = letter_share(text)
    if share < LEAST_LETTERS:
        return Reject(locator, "not_text", f"only {share:.0%} of its characters are letters", excerpt(text))
    return None


def _counted(n_words: int) -> str:
    return "1 word" if n_words == 1 else f"{n_words} words"
