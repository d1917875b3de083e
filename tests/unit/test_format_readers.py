"""Words in are words out: an invented dialogue, written in any format, is read back as it was said."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.cleaning import clean_text
from feedback_model.transcripts.raw_records import RawRecord
from feedback_model.transcripts.reading_options import ReadingOptions
from feedback_model.transcripts.sources import read_stream
from tests.dialogue_formats import ENDS, NAMED, NAMELESS, NAMES, WORDS, Turns, ctm, words_of


@st.composite
def dialogues(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Four to eight turns of two or three speakers, no two in a row of one."""
    said = st.lists(st.sampled_from(WORDS), min_size=3, max_size=9).map(" ".join)
    texts = draw(st.lists(st.tuples(said, st.sampled_from(ENDS)), min_size=4, max_size=8))
    third = draw(st.booleans())
    return [(NAMES[2] if third and n == 2 else NAMES[n % 2], f"So {text}{end}") for n, (text, end) in enumerate(texts)]


def read(text: str, speaker: str = "all") -> list[RawRecord]:
    found = list(read_stream(io.BytesIO(text.encode()), "talk", ReadingOptions(speaker=speaker)))
    assert not [each for each in found if isinstance(each, Reject)]
    return [each for each in found if isinstance(each, RawRecord)]


def spoken(turns: Turns, name: str | None = None) -> list[str]:
    return [word for who, text in turns for word in text.split() if name in (None, who)]


@pytest.mark.parametrize("form", NAMED)
@given(turns=dialogues())
@settings(max_examples=12, deadline=None)
def test_words_and_speakers_come_back(form: str, turns: Turns) -> None:
    written = NAMED[form](turns)
    (whole,) = read(written)
    assert whole.text.split() == spoken(turns)
    names = list(dict.fromkeys(name for name, _ in turns))
    assert [each.text.split() for each in read(written, "each")] == [spoken(turns, name) for name in names]


@pytest.mark.parametrize("form", NAMELESS)
@given(turns=dialogues())
@settings(max_examples=12, deadline=None)
def test_words_come_back(form: str, turns: Turns) -> None:
    (whole,) = read(NAMELESS[form](turns))
    assert whole.text.split() == spoken(turns)


@given(turns=dialogues())
@settings(max_examples=12, deadline=None)
def test_words_of_channels_come_back(turns: Turns) -> None:
    (whole,) = read(ctm(turns))
    assert whole.text.split() == spoken(turns)
    google = {"results": [{"alternatives": [{"transcript": "all", "words": words_of(turns)}]}]}
    assert read(json.dumps(google), "each")[0].text.split() == spoken(turns, turns[0][0])


LOOK_LIKE_MORE = (
    *("We met at 10:30.", "One thing: it works.", "Note: nobody was there, and", "In 2024, 3 of 4", "he said: go"),
    *("<laughs>", "5", "(Ana)", "The list: eggs, flour;", "Ana Ruiz: that was the name", "- so it goes"),
    *("and then --> well", "Monday 9:00", "[1] is a source"),
)
PROSE = st.lists(st.sampled_from(LOOK_LIKE_MORE), min_size=1, max_size=3, unique=True)


@given(sentences=PROSE, between=st.sampled_from(("\n", "\n\n", " ")))
@settings(max_examples=60, deadline=None)
def test_prose_stays_itself_whole(sentences: list[str], between: str) -> None:
    text = between.join(["Thank you all for coming here today", *sentences, "and that was the whole story of it."])
    (whole,) = read(text)
    assert whole.text == clean_text(text)
