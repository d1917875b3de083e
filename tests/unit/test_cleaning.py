"""Cleaning removes what is no text and keeps what was said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.transcripts.cleaning import clean_text, count_words, letter_share
from feedback_model.transcripts.segmenting import segment


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  two\t words \r\n\r\n next  line ", "two words\nnext line"),
        ("e\u0301", "é"),
        ("nul\x00 bell\x07 bom\ufeff", "nul bell bom"),
        ("soft\u00adly, zero\u200b width\u2060 joined", "softly, zero width joined"),
        ("no\u00a0break thin\u2009 wide\u3000", "no break thin wide"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("family 👨‍👩‍👧 and 👍🏽", "family 👨‍👩‍👧 and 👍🏽"),
        ("\u05e9\u05b8\u05dc \u200f\u05dd", "\u05e9\u05b8\u05dc \u200f\u05dd"),  # right to left
        ("\n \t", ""),
    ],
)
def test_clean_text(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once


@given(st.text(st.characters(codec=None)))
def test_what_is_kept_can_be_stored(text: str) -> None:
    assert b"\x00" not in clean_text(text).encode("utf-8")


@given(st.text(st.sampled_from("a\u0915\u0958\u1ea5\u0301\u0316\u0344\u05b8"), min_size=60))
def test_heaps_of_marks_are_cut_once(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once


@pytest.mark.parametrize(
    "heap", ["a" + "\u0300\u0316" * 500_000, "." * 1_000_000 + "x"], ids=["marks on a letter", "full stops"]
)
def test_no_word_takes_minutes(heap: str) -> None:
    words = " ".join(["and so we said"] * 70)
    assert sum(map(count_words, segment(clean_text(f"{words} {heap} {words}")))) == 561


def test_words_of_scripts_without_spaces_are_characters() -> None:
    assert count_words("well, you know") == 3
    assert count_words("今日は良い天気です") == 9


def test_the_share_of_letters() -> None:
    assert letter_share("हिन्दी") == 1.0
    assert letter_share("a1b2") == 0.5
    assert letter_share("  ") == 0.0
