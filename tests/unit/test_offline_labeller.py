"""Promises of the offline labeller: what its scores follow, and what its explanations point at."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.demo.labeller.explanations import NO_WORDS, NOT_ENGLISH, explain
from feedback_model.demo.labeller.reading import read
from feedback_model.demo.labeller.scores import FILLER_LEVELS, fillers_for, grade_trait, score
from feedback_model.demo.labeller.terms import FITTED, FLOOR
from feedback_model.demo.labeller.weights import trait_weights
from feedback_model.demo.speech import generate_transcripts
from feedback_model.evidence import find_quotes
from feedback_model.feedback import LONGEST_EXPLANATION
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

SPOKEN = [made.text for made in generate_transcripts(30, 3)]


@pytest.mark.parametrize(
    ("trait", "worse", "better"),
    [
        (
            "formality",
            "we gonna grab some stuff, dude, it's cool",
            "the committee shall examine the provisions of the policy",
        ),
        ("formality", "I don't know, it's kinda weird.", "The result is not known, and the matter appears unusual."),
        (
            "persuasiveness",
            "Maybe it works, I guess, who knows?",
            "Studies show that it works, because 80 percent recovered.",
        ),
        ("enthusiasm", "It was dull and boring and I am tired.", "What an amazing day, I love it, we are thrilled!"),
        (
            "empathy",
            "Stop whining, who cares, deal with it.",
            "I am so sorry, I know how hard this is, and we will help you.",
        ),
        ("filler_words", "um, so, uh, you know, it's, um, late in the evening", "it is late in the evening"),
        (
            "transition_logic",
            "The budget rose. Cats sleep. A loan paid for it. Mice hide. The loan ends soon. Dogs bark.",
            "The budget rose. Therefore a loan paid for the budget. But the loan ends. Cats sleep. Cats hunt mice. Mice hide.",
        ),
    ],
)
def test_better_wording_scores_higher(trait, worse, better):
    assert grade_trait(worse, trait) + 2 <= grade_trait(better, trait)


@given(st.text())
def test_any_text_has_feedback(text):
    """Every text gets six scores and explanations short enough, the same ones each time."""
    explained = explain(text)
    assert explained == explain(text)
    assert all(MIN_SCORE <= trait.score <= MAX_SCORE for trait in explained.feedback.traits)
    assert all(0 < len(trait.explanation.split()) <= LONGEST_EXPLANATION for trait in explained.feedback.traits)


@given(
    st.sampled_from(SPOKEN),
    st.sampled_from([str.upper, str.lower, str.swapcase]),
    st.sampled_from(["  ", "\n", "\r\n", "\t"]),
)
def test_case_and_spacing_make_no_difference(text, change_case, space):
    assert score(space.join(change_case(text).split(" "))).scores == score(text).scores


@given(st.sampled_from(SPOKEN))
def test_evidence_stands_in_the_transcript(text):
    explained = explain(text)
    assert set(find_quotes(explained.evidence, text)) <= {True, None}
    quoted = [
        part
        for trait in explained.feedback.traits
        for part in re.findall(r"\u2018(.+?)\u2019(?!\w)", trait.explanation)
    ]
    assert set(find_quotes(quoted, text)) == {True}


def test_explanation_names_what_was_found():
    assert "\u2018boring\u2019" in explain("The whole lecture was boring to us.").feedback["enthusiasm"].explanation


@pytest.mark.parametrize("text", ["", "   ", "\n", "...", "12 34", "\U0001f600\U0001f600"])
def test_text_without_words_gets_the_middle(text):
    feedback = explain(text).feedback
    assert {trait.explanation for trait in feedback.traits} == {NO_WORDS}
    assert feedback.scores == dict.fromkeys(TRAIT_KEYS, 5) | {"filler_words": 10}


@pytest.mark.parametrize(
    "text",
    [
        "Das ist ein sehr schöner Tag und wir haben viel von den Leuten im Dorf gelernt.",
        "Dzień dobry wszystkim dzisiaj chciałbym opowiedzieć o naszym projekcie",
        "So, also, er hat die Kinder gern, und man kann die Not sehen. Die Hand war kalt. Er war so arm, die Frau auch.",
        "Сегодня мы обсуждаем этот важный вопрос вместе",
    ],
)
def test_other_languages_are_said_to_be_unread(text):
    feedback = explain(text).feedback
    assert feedback["empathy"].explanation == NOT_ENGLISH
    assert all(abs(feedback.scores[trait] - 5) <= 1 for trait in TRAIT_KEYS if trait != "filler_words")


@pytest.mark.parametrize(
    "text",
    [
        "I think it's kind- of nice - I - mean it.",
        "I <em>mean</em> it, you **know**, kind. Of course.",
        "You\n00:00:12\nknow, and [00:12:30] stuff like that",
        "like, like, like like like",
        "\u0130 \u0130 \u0130 stanbul \u0131\u0131 er um deles",
        "um " * 3_000,
        "'" * 3_000 + "`" * 3_000 + "<a " * 3_000,
        "x." * 3_000 + ":-" * 3_000 + "<!--" * 3_000,
        "\ud800 \x00 um, uh",
    ],
)
def test_odd_texts_are_explained_without_failing(text):
    assert all(trait.explanation for trait in explain(text).feedback.traits)


@pytest.mark.parametrize(
    "noted",
    [
        "[00:12:30] We should renew it, [inaudible] because it wastes (laughter) money.",
        "Speaker 2: We should renew it, because it wastes money.",
        "We should renew it, because https://example.com/a?b=c it wastes money.",
        "We sho\u00aduld re\u200bnew it, because it wastes money.\ufeff",
        "<!DOCTYPE html><script>var a=1;</script>We should renew it, because it wastes money.",
    ],
)
def test_notes_links_and_invisible_characters_are_no_speech(noted):
    assert score(noted).scores == score("We should renew it, because it wastes money.").scores


def test_care_that_is_denied_is_no_care():
    assert grade_trait("I don't feel sorry for you, and I won't help you.", "empathy") < grade_trait(
        "I do feel sorry for you, and I will help you.", "empathy"
    )


def test_a_listeners_replies_are_no_fillers():
    assert explain("Mm-hmm. Yeah. Right. Uh-huh. Okay. Mm-hmm. Yeah.").feedback.scores["filler_words"] == MAX_SCORE


def test_markup_is_no_speech():
    bare, marked = (
        "We should renew it, because it wastes money.",
        "<p class='x'>We should <b>renew</b> it, because it&nbsp;wastes money.</p>",
    )
    assert score(bare).scores == score(marked).scores


def test_nothing_but_fillers_is_the_worst():
    assert explain("um uh er um you know uh").feedback.scores["filler_words"] == MIN_SCORE


def test_rubric_gives_the_fillers_scores():
    """Each level of the rubric is given at its fillers in 100 words, and the other way round."""
    for load, level in FILLER_LEVELS:
        text = " ".join(["um"] * int(load) + [("the", "cat")[k % 2] for k in range(100 - int(load))])
        assert grade_trait(text, "filler_words") == pytest.approx(level)
        assert fillers_for(level) == pytest.approx(load)


@pytest.mark.parametrize(
    ("empty", "meant"),
    [
        ("it was, like, the the end of a long day", "it was the end of a long day"),
        ("I I I went to the shop in the end", "I went to the shop in the end"),
        ("we were, we went to the end of it", "we came, we went to the end of it"),
        ("r- really, it was wa- it was late", "really it was late"),
        ("well, it was, you know, okay, late", "as well as you know the okay sign was well lit"),
        ("it was kind of late, I mean, and uh late", "what kind of fish is it, and what do you mean by a just cause"),
        ("Er, it was full.", "The ER was full."),
    ],
)
def test_restarts_and_empty_words_count(empty, meant):
    assert grade_trait(empty, "filler_words") < grade_trait(meant, "filler_words") == 10


def test_long_sentences_of_recognisers_are_cut():
    assert [end - start for start, end in read("word " * 100).sentences] == [40, 60]


@pytest.mark.parametrize("trait", FITTED)
def test_shipped_weights_keep_their_signs(trait):
    """No weight is against its sign, and none is below what the rubric asks for at least."""
    weights = {term.measure: term.weight for term in trait_weights()[trait].terms}
    assert all(weight * FITTED[trait][measure] > 0 for measure, weight in weights.items())
    assert all(abs(weights[measure]) >= least for measure, least in FLOOR[trait].items())


@pytest.mark.parametrize("trait", [trait for trait in TRAIT_KEYS if trait != "filler_words"])
def test_scales_rise_from_lowest_to_highest(trait):
    raw, scores = zip(*trait_weights()[trait].knots, strict=True)
    assert list(raw) == sorted(set(raw))
    assert list(scores) == sorted(set(scores))
    assert (scores[0], scores[-1]) == (MIN_SCORE, MAX_SCORE)
