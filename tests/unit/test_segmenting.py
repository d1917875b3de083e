"""Long documents become pieces of 60 to 250 words, cut at sentence ends where there are any."""

from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_model.transcripts.cleaning import clean_text, count_words
from feedback_model.transcripts.segmenting import LONGEST, segment
from tests.growth import growth

SENTENCES = st.lists(st.integers(1, 120), min_size=1, max_size=60)


def speech(lengths: list[int]) -> str:
    return " ".join(" ".join(["word"] * (length - 1) + ["end."]) for length in lengths)


def test_a_short_document_stays_whole() -> None:
    text = speech([50] * 5)
    assert segment(text) == [text]


@settings(max_examples=60)
@given(SENTENCES)
def test_pieces_are_readable_and_lose_nothing(lengths: list[int]) -> None:
    """Pieces are of readable length and lose no word."""
    text = speech(lengths)
    pieces = segment(text)
    assert " ".join(pieces) == text
    if sum(lengths) > LONGEST:
        assert all(60 <= count_words(piece) <= LONGEST for piece in pieces)


def test_ordinary_sentences_are_never_cut() -> None:
    assert all(piece.endswith("end.") for piece in segment(speech([17, 9, 31, 24] * 40)))


def test_a_title_is_no_sentence_end() -> None:
    text = " ".join(["we met Dr. Smith at eight and then we spoke for long about it."] * 60)
    assert all(piece.endswith("about it.") for piece in segment(text))


def test_speech_without_punctuation_is_cut_all_the_same() -> None:
    assert {count_words(piece) for piece in segment("um " * 2_000)} <= set(range(60, 251))


def test_a_huge_document_takes_time_by_its_length() -> None:
    small, large = (clean_text(speech([20] * n)) for n in (1_000, 10_000))
    assert len(segment(large)) > 800
    assert growth(lambda: segment(small), lambda: segment(large)) < 40
