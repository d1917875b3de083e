"""Promises of the rubric scorer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.demo.rubric_scorer import score_trait, score_transcript
from feedback_model.demo.speech import generate_transcripts
from feedback_model.traits import TRAIT_KEYS


@pytest.mark.parametrize("trait", TRAIT_KEYS)
def test_levels_of_synthetic_transcripts_are_recovered_within_one(trait):
    made = list(generate_transcripts(400, 7))
    near = sum(abs(score_transcript(one.text).scores[trait] - one.levels[trait]) <= 1 for one in made)
    assert near >= 0.95 * len(made)


@given(st.text())
def test_any_text_has_feedback(text):
    feedback = score_transcript(text)
    assert feedback == score_transcript(text)
    assert all(3 <= len(trait.explanation.split()) + 2 <= 12 for trait in feedback.traits)


@pytest.mark.parametrize(
    ("trait", "worse", "better"),
    [
        ("formality", "we gonna grab stuff, dude", "we shall procure the necessary provision"),
        ("persuasiveness", "maybe it works, I guess, who knows", "the evidence demonstrably shows a cause"),
        ("enthusiasm", "it was dull and boring", "what an amazing, spectacular day!"),
        ("empathy", "stop whining, I ignore that", "I understand your worries and your struggles"),
        ("filler_words", "um, so, uh, you know, it's, um, late", "it is late in the evening"),
        ("transition_logic", "I went home. Whatever. Trees are green.", "I was cold. Therefore, I went home."),
    ],
)
def test_better_wording_scores_higher(trait, worse, better):
    assert score_trait(worse, trait) + 2 <= score_trait(better, trait)


def test_explanation_points_at_a_word_of_the_transcript():
    assert "boring" in score_transcript("The lecture was boring.")["enthusiasm"].explanation


def test_trait_score_agrees_with_whole_feedback():
    """Score of one trait agrees with the whole feedback."""
    text = "Well, um, I guess the survey clearly helps."
    assert {trait: score_trait(text, trait) for trait in TRAIT_KEYS} == score_transcript(text).scores
