"""The split of a source is drawn once and for ever."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from feedback_model.records.transcripts import SPLITS
from feedback_model.transcripts.splits import split_of


def test_shares_are_eighty_ten_ten() -> None:
    counts = Counter(split_of(f"source {number}") for number in range(20_000))
    assert abs(counts["train"] / 20_000 - 0.8) < 0.01
    assert abs(counts["validation"] / 20_000 - 0.1) < 0.01


def test_source_keeps_its_first_split() -> None:
    """A source stays where it was in the first release."""
    drawn = {split: [name for name in "abcdefghijklmnopqrstuvwxyz" if split_of(name) == split] for split in SPLITS}
    assert (drawn["validation"], drawn["test"]) == (["o", "q"], ["g", "z"])


@given(st.text())
def test_any_id_has_a_split(source_id: str) -> None:
    assert split_of(source_id) in SPLITS
