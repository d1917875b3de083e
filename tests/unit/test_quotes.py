"""Words that explanations quote are found in the text, and nothing else is marked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.scoring.quotes import mark_quotes, split_quotes
from feedback_model.traits import TRAIT_KEYS

NOTHING = [None] * len(TRAIT_KEYS)


def marked(text, *explanations):
    stretches = mark_quotes(text, [*explanations, *NOTHING][: len(TRAIT_KEYS)])
    assert "".join(each.text for each in stretches) == text
    return [(each.text, each.trait) for each in stretches if each.trait]


@pytest.mark.parametrize(
    ("explanation", "text", "found"),
    [
        ('Fillers such as "um" come.', "Um, well, um. Umbrella.", ["Um", "um"]),
        ("“You know” is said.", "You,  know?\nyou know", ["You,  know", "you know"]),
        ("It says 'we ask' and don't.", "We ask, don't we?", ["We ask"]),
        ("It ends «I\u2019d go».", "so I'd go", ["I'd go"]),
        ("Such as \u2018I don\u2019t\u2019 and \u2018\u2019cause\u2019.", "I don't, 'cause", ["I don't", "cause"]),
        ('"First ... last" leads.', "First we met, and last.", ["First", "last"]),
        ('It quotes "nothing that stands here".', "Some words.", []),
        ("The talk isn't clear and wasn't long.", "isn't clear and wasn't", []),
        ('An odd "" and "..." and a lone " mark', "and a lone mark", []),
    ],
    ids=[
        "case",
        "space and marks",
        "single",
        "apostrophes",
        "apostrophes inside",
        "left out",
        "absent",
        "no quotation",
        "empty",
    ],
)
def test_quoted_words_are_found(explanation, text, found):
    assert marked(text, explanation) == [(words, TRAIT_KEYS[0]) for words in found]


def test_each_trait_marks_its_own_words():
    assert marked("Dear all, um, welcome.", '"Dear all"', None, '"welcome"', None, '"um"') == [
        ("Dear all", "formality"),
        ("um", "filler_words"),
        ("welcome", "enthusiasm"),
    ]


def test_of_overlapping_quotes_the_longer_counts():
    assert marked("thank you all", '"thank you"', '"thank you all"') == [("thank you all", "persuasiveness")]


def test_quotes_of_an_explanation_carry_its_trait():
    stretches = split_quotes('It says "um" often.', "filler_words")
    assert [(each.text, each.trait) for each in stretches] == [
        ('It says "', None),
        ("um", "filler_words"),
        ('" often.', None),
    ]


@given(st.text(), st.lists(st.text(), min_size=6, max_size=6))
def test_no_character_is_lost(text, explanations):
    quoting = [f'"{each}"' for each in explanations]
    assert "".join(each.text for each in mark_quotes(text, quoting)) == text
    assert "".join(each.text for each in split_quotes(explanations[0], "empathy")) == explanations[0]


@pytest.mark.parametrize(
    ("said", "absent"),
    [("I mean, the school garden", False), ("the garden", True), ("a pond … garden", False), ("a pond … a lake", True)],
)
def test_words_that_nobody_said_are_told_apart(said, absent):
    """A quotation with a gap stands in a text if one of its parts does."""
    parts = split_quotes(f"Clear: “{said}”.", "empathy", "Well, I mean the school garden, you know.")
    quoted = [part for part in parts if part.trait]
    assert [part.is_absent for part in quoted] == [absent]
