"""What names a person by number or address gives way; other numbers stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.records.recordings import Turn
from feedback_model.transcripts.redaction import CARD, EMAIL, TELEPHONE, redact, redact_turns

FOUND = {
    "write to ana.ruiz+tests@mail.example.org today": f"write to {EMAIL} today",
    "that is ana dot ruiz at example dot com okay": f"that is {EMAIL} okay",
    "it is ana at example.com, yes": f"it is {EMAIL}, yes",
    "call (212) 555-0187 now": f"call {TELEPHONE} now",
    "call 415.867.5309, please": f"call {TELEPHONE}, please",
    "on +44 20 7946 0958 or 020 7946 0958.": f"on {TELEPHONE} or {TELEPHONE}.",
    "mein Anschluss 030 12345678": f"mein Anschluss {TELEPHONE}",
    "au 06 12 34 56 78 merci": f"au {TELEPHONE} merci",
    "card 4111 1111 1111 1111 and 5500-0000-0000-0004": f"card {CARD} and {CARD}",
    "378282246310005 is it": f"{CARD} is it",
    "12 4111 1111 1111 1111 737 12/27": f"12 {CARD} 737 12/27",
    "4111\u00a01111\u20131111.1111": CARD,
    "ana@müller.de, ana [at] example.org": f"{EMAIL}, {EMAIL}",
    "it is ana underscore ruiz at example dot com dot br": f"it is {EMAIL}",
    "415-555-2671x204 or 415\u2011555\u20132671": f"{TELEPHONE}x204 or {TELEPHONE}",
    "tel4155552671": f"tel{TELEPHONE}",
    "4 1 5 5 5 5 2 6 7 1 please": f"{TELEPHONE} please",
}
KEPT = [
    "in 2019 and 2021 we grew from 1998-2001",
    "it cost 1,234,567 dollars, and 10 20 30 40",
    "room 20191130 and version 10.10.2024 12:30",
    "1 2 3 4 5 6 7 8 9 10",
    "the host 192.168.10.12 answered",
    "card 4111 1111 1111 1112 is none",
    "look at the dot",
    "on 2024-01-15 10:30 we met",
    "0.123456789 of it, 7 000 000 000 people",
]


@pytest.mark.parametrize("text", FOUND)
def test_numbers_and_addresses_of_people_give_way(text: str) -> None:
    assert redact(text) == FOUND[text]


@pytest.mark.parametrize("text", KEPT)
def test_other_numbers_stay(text: str) -> None:
    assert redact(text) == text


def test_a_number_over_two_turns_is_found() -> None:
    turns = [Turn("Ana", 0.0, 1.0, "my number is 415 867"), Turn("Ana", 1.0, 2.0, "5309 thank you")]
    redacted = redact_turns(turns, "my number is 415 867 5309 thank you", (0, 21))
    assert [turn.text for turn in redacted] == [f"my number is {TELEPHONE}", " thank you"]


@given(st.text(alphabet="0123456789 +-()./@ab", max_size=200))
def test_redacting_again_changes_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.lists(st.text(alphabet="0123456789 +ab@.", min_size=1, max_size=30), min_size=1, max_size=6))
def test_turns_together_are_the_text_redacted(texts: list[str]) -> None:
    starts = [sum(map(len, texts[:number])) for number in range(len(texts))]
    redacted = redact_turns([Turn(None, None, None, each) for each in texts], "".join(texts), starts)
    assert "".join(turn.text for turn in redacted) == redact("".join(texts))
