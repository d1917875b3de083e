"""Texts that share four fifths of their phrases are found, others are not."""

from feedback_model.transcripts.near_duplicates import NearDuplicates, signature_of, similarity
from tests.builders import a_speech


def test_changed_word_is_found_most_similar_first() -> None:
    """A text with one word changed is found most similar first."""
    text = a_speech(1, words=200)
    known = NearDuplicates([("other", signature_of(a_speech(2, words=200)))])
    known.add("shorter", signature_of(" ".join(text.split()[:180])))
    known.add("same", signature_of(text.upper()))
    found = known.find(signature_of(text.replace(text.split()[100], "changed")))
    assert [neighbour.name for neighbour in found] == ["same", "shorter"]
    assert found[0].similarity > found[1].similarity >= 0.8


def test_half_shared_text_is_no_duplicate() -> None:
    """A text that shares half is no near duplicate."""
    half = " ".join(a_speech(1, words=200).split()[:100] + a_speech(2, words=100).split())
    assert NearDuplicates([("a", signature_of(a_speech(1, words=200)))]).find(signature_of(half)) == []


def test_hardly_any_near_duplicate_is_missed() -> None:
    texts = [a_speech(number, words=200).split() for number in range(100)]
    known = NearDuplicates((str(number), signature_of(" ".join(text))) for number, text in enumerate(texts))
    shorter = [signature_of(" ".join(text[:180])) for text in texts]  # a similarity of 0.9
    assert sum(bool(known.find(signature)) for signature in shorter) >= 98


def test_signatures_are_small_and_the_same_everywhere() -> None:
    assert len(signature_of("well hello there my old friend")) == 512
    assert signature_of("Well, hello there: my old friend!").hex()[:16] == FROZEN
    assert similarity(signature_of("one"), signature_of("two")) < 0.1


FROZEN = "c3fcc680548dc912"
