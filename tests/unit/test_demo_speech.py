"""Promises of the synthetic transcripts and of the words they are made of."""

import json
import re

import pytest

from feedback_model.demo.lexicon import FILLERS, SLOTS, grades_of
from feedback_model.demo.rubric_scorer import find_words
from feedback_model.demo.sentences import ADDITIONS, CLAUSES, GAINS, PLACES, TIMES, TOPICS
from feedback_model.demo.speech import generate_transcripts, write_demo_input
from feedback_model.traits import SCORES, TRAIT_KEYS


def test_transcripts_depend_on_the_seed_alone():
    """One seed gives the same transcripts and another seed others."""
    assert list(generate_transcripts(20, 1)) == list(generate_transcripts(20, 1))
    assert {made.text for made in generate_transcripts(20, 1)}.isdisjoint(
        made.text for made in generate_transcripts(20, 2)
    )


def test_transcripts_differ_and_have_spoken_length():
    """Transcripts are forty to ninety words and all different."""
    texts = [made.text for made in generate_transcripts(500, 3)]
    assert len(set(texts)) == 500
    assert all(40 <= len(text.split()) <= 90 for text in texts)


def test_document_keeps_to_one_topic():
    """A document is about one topic and holds at most two transcripts."""
    genres: dict[str, list[str]] = {}
    for made in generate_transcripts(300, 4):
        genres.setdefault(made.document_id, []).append(made.genre)
    assert {len(found) for found in genres.values()} == {1, 2}
    assert all(len(set(found)) == 1 for found in genres.values())


def test_every_level_occurs_and_some_are_rare():
    levels = [made.levels for made in generate_transcripts(1000, 5)]
    for trait in TRAIT_KEYS:
        counts = [sum(level[trait] == score for level in levels) for score in SCORES]
        assert 0 < min(counts) < 0.08 * sum(counts) < max(counts)


def test_no_slot_word_speaks_for_two_traits():
    words = [word for trait in SLOTS for word in grades_of(trait)] + list(FILLERS)
    assert len(words) == len(set(words))


def test_every_slot_has_ten_words():
    assert {len(slot) for slots in SLOTS.values() for slot in slots.values()} == {10}


def test_fixed_words_are_not_scored():
    """Fixed words of sentences are not counted by the scorer."""
    sentences = [clause for group in (CLAUSES, ADDITIONS) for clauses in group.values() for clause in clauses]
    spoken = " ".join([re.sub(r"\{\w+\}", " ", sentence) for sentence in sentences])
    fixed = set(find_words(spoken)) | {
        word.lower() for words in (*TOPICS.values(), PLACES, TIMES, GAINS) for word in words
    }
    counted = {word for trait in SLOTS for word in grades_of(trait)} | set(FILLERS)
    assert fixed.isdisjoint(counted)


@pytest.mark.parametrize("field", ["id", "document", "text", "source", "genre"])
def test_demo_input_has_every_field_that_landing_reads(tmp_path, field):
    write_demo_input(tmp_path / "demo.jsonl", 5, 1)
    lines = (tmp_path / "demo.jsonl").read_text().splitlines()
    assert len(lines) == 5
    assert all(json.loads(line)[field] for line in lines)
