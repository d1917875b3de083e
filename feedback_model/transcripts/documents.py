"""Documents made ready for a model: cleaned, refused where they cannot be judged, and cut. Landing and scoring share it."""

from dataclasses import dataclass
from typing import Final

from feedback_model.records.identifiers import content_id
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.cleaning import clean_text, count_words, letter_share
from feedback_model.transcripts.raw_records import RawRecord, excerpt
from feedback_model.transcripts.segmenting import segment

FEWEST_WORDS: Final = 20
"""Below this there is too little speech to judge six traits."""
LEAST_LETTERS: Final = 0.5
"""Share of visible characters; below this it is a table, code or an encoded file."""


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document as models read it."""

    text: str
    """Cleaned."""
    pieces: tuple[str, ...]
    """The text, or if it is long, the parts of it that are read one by one."""


def prepare_document(record: RawRecord) -> PreparedDocument | Reject:
    """Clean a document and cut it into pieces; or say why it cannot be judged."""
    text = clean_text(record.text)
    return _problem(text, record.locator) or PreparedDocument(text, tuple(segment(text)))


def transcript_id_of(text: str) -> str:
    """Return the id of the transcript with this cleaned text."""
    return content_id("transcript", text)


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
