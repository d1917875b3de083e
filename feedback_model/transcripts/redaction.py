"""Redaction of texts: e-mail addresses, telephone numbers and card numbers give way to words for them.

Names, postal addresses and numbers said in words stay: what is a person's name no pattern tells.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from feedback_model.records.recordings import Turn

EMAIL, CARD, TELEPHONE = "[e-mail address]", "[card number]", "[telephone number]"
# The HTML Living Standard's valid e-mail address, with a dot in its domain; and as recognisers write what was said.
_EMAIL: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_SPOKEN_EMAIL: Final = re.compile(
    r"(?i)\b[\w+-]+(?:(?: dot |\.)[\w+-]+)* at [\w-]+(?: dot [\w-]+)*(?: dot |\.)"
    r"(?:com|org|net|edu|gov|info|io|eu|uk|de|fr|es|it|nl)\b"
)
_DIGITS: Final = re.compile(r"(?<![\w@])[+(]?\d[\d\s()./-]{5,30}\d(?!\w)")
_CARD: Final = re.compile(r"(?<!\d)\d(?:[ -]?\d){11,18}(?!\d)")  # ISO/IEC 7812-1: up to 19 digits, the last one a check
_REGIONS: Final = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "IN", "BR", "AU")
"""In which a number without the country's may be; one with it is found of any country."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A stretch of a text that is to give way."""

    start: int
    end: int
    word: str
    """What stands there afterwards."""


def redact(text: str) -> str:
    """Return `text` redacted."""
    parts: list[str] = []
    at = 0
    for each in findings(text):
        parts += [text[at : each.start], each.word]
        at = each.end
    return "".join([*parts, text[at:]])


def redact_turns(turns: Sequence[Turn], text: str, starts: Sequence[int]) -> tuple[Turn, ...]:
    """Return `turns` redacted; what begins in one turn and goes on in the next is found, too.

    Args:
        text: of all turns together.
        starts: where in it each turn's begins.
    """
    found = findings(text)
    return tuple(
        replace(turn, text=_redact_part(turn.text, start, found)) for turn, start in zip(turns, starts, strict=True)
    )


def _redact_part(own: str, start: int, found: Sequence[Finding]) -> str:
    """Redact the part of a text that begins at `start`; the word stands where the finding begins."""
    parts: list[str] = []
    at = 0
    for each in found:
        first, last = each.start - start, each.end - start
        if last <= 0 or first >= len(own):
            continue
        parts += [own[at : max(first, 0)], each.word if first >= 0 else ""]
        at = min(last, len(own))
    return "".join([*parts, own[at:]])


def findings(text: str) -> list[Finding]:
    """Find all that is to give way, in order and without overlaps."""
    kept: list[Finding] = []
    for each in sorted(_all(text), key=lambda found: (found.start, -found.end)):
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def _all(text: str) -> Iterator[Finding]:
    for pattern in (_EMAIL, _SPOKEN_EMAIL):
        yield from (Finding(*found.span(), EMAIL) for found in pattern.finditer(text))
    yield from _cards(text)
    yield from _telephones(text)


def _cards(text: str) -> Iterator[Finding]:
    from stdnum import luhn

    for found in _CARD.finditer(text):
        if luhn.is_valid(re.sub(r"\D", "", found[0])):
            yield Finding(*found.span(), CARD)


def _telephones(text: str) -> Iterator[Finding]:
    from phonenumbers import Leniency, PhoneNumberMatcher

    for stretch in _DIGITS.finditer(text):
        if _is_counted(stretch[0]) or _is_address(stretch[0]):
            continue
        ways = [(None, Leniency.POSSIBLE), *((region, Leniency.VALID) for region in _REGIONS)]
        for region, leniency in ways:
            for found in PhoneNumberMatcher(stretch[0], region, leniency=leniency):
                yield Finding(stretch.start() + found.start, stretch.start() + found.end, TELEPHONE)


def _is_counted(digits: str) -> bool:
    """Tell somebody counting, `1 2 3 4 5 6 7 8 9 10`, from a number in pairs, `06 12 34 56 78`."""
    return max(map(len, re.findall(r"\d+", digits))) <= 2 and digits.lstrip("(")[0] not in "+0"


def _is_address(digits: str) -> bool:
    try:
        IPv4Address(digits)
    except AddressValueError:
        return False
    return True
