"""Scanner of RFC 8259 JSON with the offset of every value and of the first fault.

Slower than a library's parser and only asked about what such a parser could not settle: outputs that are malformed, or
may hold a key twice. Integers are `int`, other numbers `float`, so that `7` and `7.0` stay apart.
"""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from feedback_model.parsing.failures import FailureCode, GrammarError, Malformed

MAX_DEPTH = 100  # feedback has depth 2; RFC 8259 lets a parser limit nesting

_SPACE = re.compile(rb"[ \t\n\r]*+")
_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+')
_ESCAPE = re.compile(rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}|(.|$))', re.DOTALL)
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*+)(\.[0-9]++)?([eE][+-]?[0-9]++)?")
_HALF_NUMBER = re.compile(rb"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?)?)?\Z")
_NO_NUMBER = re.compile(rb"NaN|-?Infinity")
_LITERALS: dict[bytes, bool | None] = {b"true": True, b"false": False, b"null": None}
_INTEGER_DIGITS = 18  # beyond these only the sign of an integer matters, and int() of megabytes of digits takes minutes


@dataclass(frozen=True, slots=True)
class Scanned:
    """One JSON value found in an output."""

    value: Any
    """As Python objects; of a duplicate key the first value stays."""
    end: int
    """Offset of the byte after it."""
    offsets: dict[str, int]
    """Offset of each value by its RFC 6901 pointer."""
    duplicate: Malformed | None
    """The first key that occurs twice, if any."""


def scan(raw: bytes, start: int) -> Scanned:
    """Read the one JSON value that begins at `start` of `raw`, which is valid UTF-8.

    Raises:
        GrammarError: it breaks the grammar; `UNTERMINATED` where the bytes ended too early.
    """
    scanner = _Scanner(raw)
    value, end = scanner.value(start, "", 0)
    return Scanned(value, end, scanner.offsets, scanner.duplicate)


def skip_space(raw: bytes, at: int) -> int:
    """Return the offset of the first byte from `at` on that is not JSON white space."""
    match = _SPACE.match(raw, at)
    return match.end() if match else at


class _Scanner:
    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.offsets: dict[str, int] = {}
        self.duplicate: Malformed | None = None

    def value(self, at: int, pointer: str, depth: int) -> tuple[Any, int]:
        self.offsets[pointer] = at
        if depth > MAX_DEPTH:
            raise GrammarError(FailureCode.TOO_DEEP, at, pointer)
        match self.raw[at : at + 1]:
            case b"{":
                return self.object(at, pointer, depth)
            case b"[":
                return self.array(at, pointer, depth)
            case b'"':
                return self.string(at, pointer)
            case _:
                return self.scalar(at, pointer)

    def object(self, at: int, pointer: str, depth: int) -> tuple[dict[str, Any], int]:
        members: dict[str, Any] = {}
        at = skip_space(self.raw, at + 1)
        while not self.raw.startswith(b"}", at):
            key_at = at
            key, at = self.key(at, pointer)
            child = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in members and self.duplicate is None:
                self.duplicate = Malformed(FailureCode.DUPLICATE_KEY, key_at, child)
            value, at = self.value(at, child, depth + 1)
            members.setdefault(key, value)
            at = self.separator(at, b"}", pointer)
        return members, at + 1

    def key(self, at: int, pointer: str) -> tuple[str, int]:
        if not self.raw.startswith(b'"', at):
            raise self.unexpected(at, pointer)
        key, at = self.string(at, pointer)
        at = skip_space(self.raw, at)
        if not self.raw.startswith(b":", at):
            raise self.unexpected(at, pointer)
        return key, skip_space(self.raw, at + 1)

    def array(self, at: int, pointer: str, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        at = skip_space(self.raw, at + 1)
        while not self.raw.startswith(b"]", at):
            value, at = self.value(at, f"{pointer}/{len(items)}", depth + 1)
            items.append(value)
            at = self.separator(at, b"]", pointer)
        return items, at + 1

    def separator(self, at: int, closing: bytes, pointer: str) -> int:
        """Return the offset of the next member, or of `closing`."""
        at = skip_space(self.raw, at)
        if self.raw.startswith(closing, at):
            return at
        if not self.raw.startswith(b",", at):
            follows_value = self.raw[at : at + 1] in (b'"', b"{", b"[")
            raise (
                GrammarError(FailureCode.MISSING_COMMA, at, pointer) if follows_value else self.unexpected(at, pointer)
            )
        following = skip_space(self.raw, at + 1)
        if self.raw.startswith(closing, following):
            raise GrammarError(FailureCode.TRAILING_COMMA, at, pointer)
        return following

    def string(self, at: int, pointer: str) -> tuple[str, int]:
        body = _STRING.match(self.raw, at)
        end = body.end() if body else at
        if not self.raw.startswith(b'"', end):
            at_end = end >= len(self.raw.removesuffix(b"\\"))
            raise GrammarError(FailureCode.UNTERMINATED if at_end else FailureCode.CONTROL_CHARACTER, end, pointer)
        try:
            return orjson.loads(self.raw[at : end + 1]), end + 1
        except orjson.JSONDecodeError:
            wrong = (escape.start() for escape in _ESCAPE.finditer(self.raw, at, end) if escape[1] is not None)
            raise GrammarError(FailureCode.BAD_ESCAPE, next(wrong, at), pointer) from None

    def scalar(self, at: int, pointer: str) -> tuple[float | bool | None, int]:
        for literal, value in _LITERALS.items():
            if self.raw.startswith(literal, at):
                return value, at + len(literal)
        number = _NUMBER.match(self.raw, at)
        if number is None or (number.end() < len(self.raw) and _HALF_NUMBER.match(self.raw, at)):
            raise self.unexpected(at, pointer)
        return _number(number), number.end()

    def unexpected(self, at: int, pointer: str) -> GrammarError:
        """Name the fault where neither a value, a key nor a separator stands."""
        rest = self.raw[at : at + 16]
        if _HALF_NUMBER.match(self.raw, at) or any(literal.startswith(rest) for literal in _LITERALS):
            return GrammarError(FailureCode.UNTERMINATED, len(self.raw), pointer)
        if rest.startswith(b"'"):
            return GrammarError(FailureCode.SINGLE_QUOTES, at, pointer)
        if _NO_NUMBER.match(rest):
            return GrammarError(FailureCode.NOT_A_NUMBER, at, pointer)
        return GrammarError(FailureCode.SYNTAX, at, pointer)


def _number(match: re.Match[bytes]) -> float:
    if match[1] or match[2]:
        return float(match[0])
    if len(match[0]) > _INTEGER_DIGITS:
        return -(10**_INTEGER_DIGITS) if match[0].startswith(b"-") else 10**_INTEGER_DIGITS
    return int(match[0])
