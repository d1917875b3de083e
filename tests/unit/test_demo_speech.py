"""Promises of the synthetic transcripts and of the sentences they are made of."""

import json
import re

import numpy as np
import pytest

from eval.metrics import spearman_correlation
from feedback_model.demo.labeller.scores import score
from feedback_model.demo.register import speak_in
from feedback_model.demo.sentence_bank import GREETINGS, SENTENCES
from feedback_model.demo.speech import generate_transcripts, write_demo_input
from feedback_model.traits import SCORES, TRAIT_KEYS


def test_transcripts_depend_on_the_seed_alone():
    """One seed gives the same transcripts and another seed others."""
    assert list(generate_transcripts(20, 1)) == list(generate_transcripts(20, 1))
    assert {made.text for made in generate_transcripts(20, 1)}.isdisjoint(
        made.text for made in generate_transcripts(20, 2)
    )


def test_transcripts_differ_and_have_spoken_length():
    """Transcripts are thirty to a hundred and fifty words and all different."""
    texts = [made.text for made in generate_transcripts(500, 3)]
    assert len(set(texts)) == 500
    assert all(30 <= len(text.split()) <= 150 for text in texts)


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


@pytest.mark.parametrize("trait", TRAIT_KEYS)
def test_labels_follow_the_levels_drawn(trait):
    made = list(generate_transcripts(300, 7))
    number = TRAIT_KEYS.index(trait)
    drawn, labelled = zip(*((each.levels[trait], score(each.text).scores[number]) for each in made), strict=True)
    assert spearman_correlation(np.array(drawn, float), np.array(labelled, float)) > 0.65


@pytest.mark.parametrize("level", SCORES)
def test_registers_leave_no_placeholder_and_one_capital(level):
    """A register changes words, never the form of a sentence."""
    for bands in (GREETINGS, *SENTENCES.values()):
        for sentence in (sentence for band in bands for sentence in band):
            spoken = speak_in(sentence.format(thing="library", part="roof"), level)
            assert spoken[0].isupper()
            assert spoken[-1] in ".?!"
            assert not re.search(r"[{}]|\ba [aeiou]|  ", spoken)


@pytest.mark.parametrize("field", ["id", "document", "text", "source", "genre"])
def test_demo_input_has_every_field_that_landing_reads(tmp_path, field):
    write_demo_input(tmp_path / "demo.jsonl", 5, 1)
    lines = (tmp_path / "demo.jsonl").read_text().splitlines()
    assert len(lines) == 5
    assert all(json.loads(line)[field] for line in lines)
