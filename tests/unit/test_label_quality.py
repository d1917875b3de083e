"""Labels against people, against earlier labels, and against what must be so of any labeller."""

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, mean_squared_error

from eval.labels import agree, judge_check, scores_of, state_wording, state_worse_than_constant
from feedback_model.errors import InputError
from feedback_model.labelling.metamorphic import CHECKS, drop_fillers, shuffle_sentences
from feedback_model.records.labels import LabelWording, ScorePair
from feedback_model.sentences import split_sentences
from feedback_model.traits import TRAIT_KEYS
from feedback_model.transcripts.documents import transcript_id_of
from feedback_model.transcripts.gold import read_gold
from tests.builders import a_labelled

SHUFFLED, FILLERS, *_ = CHECKS
SPEECH = "First we met. Then we spoke of it. So, um, we agreed. After that we wrote. Hence it was sent. Now we wait."


def items(rng: np.random.Generator, n: int) -> dict[str]:
    return {f"t{i:03}": a_labelled(f"t{i:03}", f"s{i}", [*map(int, rng.integers(1, 11, 6))]) for i in range(n)}


def test_agreement_equals_scikit_learns_and_shows_kindness() -> None:
    """A positive difference means that the labels are kinder."""
    rng = np.random.default_rng(1)
    labels, people = items(rng, 80), items(rng, 80)
    found = {each.trait: each for each in agree(labels, scores_of(people))}
    for number, trait in enumerate(TRAIT_KEYS):
        ours, theirs = ([each.scores[number] for each in which.values()] for which in (labels, people))
        expected = cohen_kappa_score(theirs, ours, weights="quadratic", labels=range(1, 11))
        assert found[trait].qwk == pytest.approx(expected, abs=1e-12)
        assert found[trait].mse == pytest.approx(mean_squared_error(theirs, ours), abs=1e-12)
        assert found[trait].difference == pytest.approx(np.mean(np.subtract(ours, theirs)), abs=1e-12)
        best = min(np.arange(1, 10.0001, 0.001), key=lambda constant: np.mean((np.array(theirs) - constant) ** 2))
        assert found[trait].mse_constant == pytest.approx(np.mean((np.array(theirs) - best) ** 2), abs=1e-6)


def test_a_shift_alarms_and_equal_labels_do_not() -> None:
    labels = items(np.random.default_rng(2), 60)
    kinder = {
        name: dict(zip(TRAIT_KEYS, (each.scores[0] - 1.0, *each.scores[1:]), strict=True))
        for name, each in labels.items()
    }
    assert [each.distinguishable for each in agree(labels, kinder)] == [True, *[False] * 5]
    assert not any(each.distinguishable for each in agree(labels, scores_of(labels)))


def test_labels_worse_than_a_constant_are_named() -> None:
    labels = items(np.random.default_rng(4), 40)
    people = scores_of(labels)
    for name, scores in people.items():
        scores["empathy"] = 11 - labels[name].scores[TRAIT_KEYS.index("empathy")]
    found = agree(labels, people)
    assert state_worse_than_constant(found) == "worse than a constant (people's mean for every transcript): empathy"
    assert state_worse_than_constant(agree(labels, scores_of(labels))) is None


@pytest.mark.parametrize(
    ("wording", "said"),
    [
        (LabelWording(0, 0, 0, 0), "there are no labels"),
        (LabelWording(60, 0, 0, 6), "0 of 60 scores quote evidence, so there is none to look for; 10.0% of"),
        (LabelWording(60, 40, 38, 0), "40 of 60 scores quote evidence, 95.0% of it stands in the transcript; 0.0% of"),
    ],
)
def test_the_wording_of_labels_is_stated(wording: LabelWording, said: str) -> None:
    assert state_wording(wording).startswith(said)


def test_nothing_in_common_is_absent_not_zero() -> None:
    (first, *_) = agree(items(np.random.default_rng(3), 5), {})
    assert (first.n, first.difference, first.mse, first.qwk) == (0, None, None, None)
    assert (first.mse_constant, first.worse_than_constant) == (None, False)


@given(st.integers(0, 1000))
def test_shuffling_keeps_every_sentence_and_moves_them(seed: int) -> None:
    shuffled = shuffle_sentences(SPEECH, seed)
    assert shuffled is not None
    assert sorted(split_sentences(shuffled)) == sorted(split_sentences(SPEECH))
    assert shuffled != SPEECH
    assert shuffle_sentences(SPEECH, seed) == shuffled


def test_what_does_not_lend_itself_is_left_alone() -> None:
    assert shuffle_sentences("One. Two. Three.", 0) is None
    assert drop_fillers("Nothing to take out here.") is None
    assert drop_fillers("So, um, we, you know, agreed.") == "So we agreed."


@given(st.text())
def test_no_text_makes_a_change_fail(text: str) -> None:
    shuffle_sentences(text, 1)
    drop_fillers(text)


def pairs(change: float, n: int = 20) -> list[ScorePair]:
    rng = random.Random(4)
    return [ScorePair(f"s{i}", 6, round(6 + change + rng.uniform(-0.6, 0.6))) for i in range(n)]


def test_only_a_labeller_that_reads_the_change_passes() -> None:
    assert judge_check(SHUFFLED, pairs(-3)).verdict == "pass"
    assert judge_check(SHUFFLED, [ScorePair(f"s{i}", 6, 6) for i in range(20)]).verdict == "fail"
    assert judge_check(SHUFFLED, pairs(-3, n=5)).verdict == "inconclusive"
    assert judge_check(FILLERS, pairs(2)).verdict == "pass"
    assert judge_check(FILLERS, pairs(-2)).verdict == "fail"


def test_peoples_scores_are_read_by_id_or_text(tmp_path: Path) -> None:
    jsonl, table = tmp_path / "gold.jsonl", tmp_path / "gold.csv"
    jsonl.write_text(json.dumps({"text": " Hello there,  all. ", "empathy": 7.5}) + "\n")
    table.write_text("transcript_id,empathy,formality\nabc,3,\n")
    assert read_gold(jsonl) == {transcript_id_of("Hello there, all."): {"empathy": 7.5}}
    assert read_gold(table) == {"abc": {"empathy": 3.0}}
    packed = tmp_path / "gold"
    packed.write_bytes(gzip.compress("transcript_id;empathy\r\nabc;4\r\n".encode("utf-16")))
    assert read_gold(packed) == {"abc": {"empathy": 4.0}}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "neither a table nor JSON"),
        ("[1]", "neither a table nor JSON"),
        ('{"empathy": 3}', "gold.jsonl:1: neither transcript_id nor text"),
        ('{"transcript_id": "a"}', "gold.jsonl:1: no trait is scored"),
        ('{"transcript_id": "a", "empathy": 11}', "empathy is 11; scores go from 1 to 10"),
        ('{"transcript_id": "a", "empathy": "high"}', "empathy is 'high'"),
        ("", "has no scored transcript"),
    ],
)
def test_a_bad_line_is_named_in_one_sentence(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "gold.jsonl").write_text(line)
    with pytest.raises(InputError, match=said):
        read_gold(tmp_path / "gold.jsonl")
