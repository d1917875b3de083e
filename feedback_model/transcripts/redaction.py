"""Redaction of texts: e-mail addresses, telephone numbers and card numbers give way to words for them.

Names, postal addresses and numbers said in words stay: what is a person's name no pattern tells.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import AddressValueError, IPv4Address
from itertools import combinations, pairwise
from typing import Final

from feedback_model.records.recordings import Turn

EMAIL, CARD, TELEPHONE = "[e-mail address]", "[card number]", "[telephone number]"
_HYPHENS: Final = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212\u00b7\u2022"), "-")
# As the HTML Living Standard has it, with a dot in a domain that may be international; and as people and recognisers write it.
_EMAIL: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+(?:[@\uff20]| ?[\[(]at[\])] ?)[\w-]+(?:\.[\w-]+)+")
_SPOKEN_EMAIL: Final = re.compile(
    r"(?i)\b[\w+-]+(?:(?: (?:dot|underscore|dash) |\.)[\w+-]+)* at [\w-]+(?:(?: dot |\.)[\w-]+)*"
    r"(?:(?: dot [a-z]{2,6})+|\.(?:com|org|net|edu|gov|info|io|eu|uk|de|fr|es|it|nl|ch|at|jp|br|in|au|ca))\b"
)
_DIGITS: Final = re.compile(r"(?<!\d)(?<!\d[.,])[+(]?\d[\d\s()./-]{5,30}\d(?!\d)")
_RUN: Final = re.compile(r"(?<!\d)\d(?:[\s./,-]{0,2}\d){11,40}(?!\d)")
_GROUP: Final = re.compile(r"\d+")
_DATE: Final = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4}")
_DECIMAL: Final = re.compile(r"\d{1,2}[.,]\d{5,}")
_THOUSANDS: Final = re.compile(r"[1-9]\d{0,2}(?:[ .]\d{3}){2,}")
_REGIONS: Final = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "IN", "BR", "AU", "CN")
"""In which a number without the country's may be; one with it is found of any country."""
_CARD_DIGITS: Final = range(13, 20)  # ISO/IEC 7812-1, the last one a check


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


@dataclass
class Aliases:
    """Words in the place of names and ids that are addresses or numbers; the same word for the same one within a landing."""

    given: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """Return `name`, or what stands in its place."""
        redacted = redact(name)
        return name if redacted == name else self.given.setdefault(name, f"{redacted} {len(self.given) + 1}")


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
    for each in sorted(_all(text.translate(_HYPHENS)), key=lambda found: (found.start, -found.end)):
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def _all(text: str) -> Iterator[Finding]:
    for pattern in (_EMAIL, _SPOKEN_EMAIL):
        yield from (Finding(*found.span(), EMAIL) for found in pattern.finditer(text))
    cards = list(_cards(text))
    yield from cards
    yield from _telephones(text, cards)


def _cards(text: str) -> Iterator[Finding]:
    """Find card numbers: whole groups of digits, as many as a card has, the last of which is the right check digit."""
    from stdnum import luhn

    for run in _RUN.finditer(text):
        groups = [found.span() for found in _GROUP.finditer(run[0])]
        for first, last in combinations(range(len(groups) + 1), 2):
            start, end = groups[first][0], groups[last - 1][1]
            digits = "".join(str(unicodedata.digit(each)) for each in run[0][start:end] if each.isdigit())
            if len(digits) in _CARD_DIGITS and digits[0] in "23456" and luhn.is_valid(digits):
                yield Finding(run.start() + start, run.start() + end, CARD)


def _telephones(text: str, cards: Sequence[Finding]) -> Iterator[Finding]:
    from phonenumbers import Leniency, PhoneNumberMatcher

    for stretch in _DIGITS.finditer(text):
        if _is_another_number(stretch[0]) or any(
            card.start < stretch.end() and stretch.start() < card.end for card in cards
        ):
            continue
        ways = [(None, Leniency.POSSIBLE), *((region, Leniency.VALID) for region in _REGIONS)]
        for region, leniency in ways:
            for found in PhoneNumberMatcher(stretch[0], region, leniency=leniency):
                yield Finding(stretch.start() + found.start, stretch.start() + found.end, TELEPHONE)


def _is_another_number(digits: str) -> bool:
    is_written_so = _DATE.match(digits) or _THOUSANDS.fullmatch(digits) or _DECIMAL.fullmatch(digits)
    return bool(is_written_so) or _is_counted(digits) or _is_address(digits)


def _is_counted(digits: str) -> bool:
    """Tell somebody counting, `1 2 3 4 5 6 7 8 9 10` or `10 20 30 40`, from a number in single digits or pairs."""
    groups = list(map(int, _GROUP.findall(digits)))
    return (
        len(groups) > 2 and digits[0] not in "+(0" and len({after - before for before, after in pairwise(groups)}) == 1
    )


def _is_address(digits: str) -> bool:
    try:
        IPv4Address(digits)
    except AddressValueError:
        return False
    return True
