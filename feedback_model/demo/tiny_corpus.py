"""Pretraining corpus of the tiny base model: transcripts with notes, then chats in the feedback format.

Notes state the level of traits in words (`"empathy": weak`), never as digits. Chats have the form of real feedback,
and quote their transcript, but their scores and verdicts are those of another: whoever reads them learns the format,
not the task. Knows nothing of tokens or models.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from feedback_model.demo.labeller.explanations import explain
from feedback_model.demo.labeller.scores import score
from feedback_model.demo.sentence_bank import THINGS
from feedback_model.demo.speech import draw_levels, speak
from feedback_model.feedback import Feedback, TraitFeedback, render_feedback
from feedback_model.prompts import Message, render_messages
from feedback_model.traits import TRAIT_KEYS

LEVEL_WORDS = ("awful", "poor", "weak", "low", "modest", "fair", "decent", "good", "strong", "superb")
"""The word for each level 1..10."""
NOTES_PROMPT = "Note the level of each trait in words."


@dataclass(frozen=True, slots=True)
class Reading:
    """One document of the pretraining corpus."""

    messages: tuple[Message, ...]
    """System, user and assistant message."""
    notes: bool
    """True where the assistant's message states true levels in words."""


def write_readings(count: int, seed: int, sentences_per_trait: int, chat_share: float) -> Iterator[Reading]:
    """Yield `count` documents, `chat_share` of them chats; `sentences_per_trait` sets how long the transcripts are."""
    random_ = random.Random(f"tiny-{seed}")
    elsewhere = explain(speak(random_.choice(THINGS), draw_levels(random_), random_)).feedback
    for _ in range(count):
        text = speak(random_.choice(THINGS), draw_levels(random_), random_, sentences_per_trait)
        if random_.random() < chat_share:
            own = explain(text).feedback
            yield _chat(text, own, elsewhere)
            elsewhere = own
        else:
            yield _notes(text, random_)


def _notes(text: str, random_: random.Random) -> Reading:
    traits = random_.sample(TRAIT_KEYS, len(TRAIT_KEYS))
    nested = random_.random() < 0.5
    words = {trait: LEVEL_WORDS[level - 1] for trait, level in zip(TRAIT_KEYS, score(text).scores, strict=True)}
    notes = (f'"{trait}": {{"score": {words[trait]}}}' if nested else f'"{trait}": {words[trait]}' for trait in traits)
    user = render_messages("feedback", text)[1]
    return Reading(
        (
            {"role": "system", "content": NOTES_PROMPT},
            user,
            {"role": "assistant", "content": f"{{{', '.join(notes)}}}"},
        ),
        notes=True,
    )


def _chat(text: str, own: Feedback, elsewhere: Feedback) -> Reading:
    """Feedback that quotes the text, with the scores and verdicts of a text that is not there."""
    pairs = zip(elsewhere.traits, own.traits, strict=True)
    feedback = Feedback(tuple(TraitFeedback(other.score, _with_verdict_of(other, said)) for other, said in pairs))
    answer: Message = {"role": "assistant", "content": render_feedback(feedback)}
    return Reading((*render_messages("feedback", text), answer), notes=False)


def _with_verdict_of(other: TraitFeedback, own: TraitFeedback) -> str:
    return f"{other.explanation.partition(': ')[0]}: {own.explanation.partition(': ')[2]}"
