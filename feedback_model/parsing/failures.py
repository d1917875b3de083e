"""Failure codes of outputs: one ordered list, of which the first that applies is given."""

from dataclasses import dataclass
from enum import StrEnum


class FailureCode(StrEnum):
    """The codes in the order in which they are looked for; each carries a sentence for readers."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> "FailureCode":
        """Return a string equal to `code` that carries its sentence."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member

    EMPTY = "empty", "The output is empty or white space."
    NOT_UTF8 = "not_utf8", "The bytes are not UTF-8."
    FENCED = "fenced", "The output begins with a code fence."
    PROSE_BEFORE = "prose_before", "Text stands before the JSON."
    NO_JSON = "no_json", "There is no JSON object in the output."
    TRUNCATED = "truncated", "The token limit cut the JSON off."
    UNTERMINATED = "unterminated", "The model stopped before the JSON was complete."
    CONTROL_CHARACTER = "control_character", "A raw control character stands inside a string."
    BAD_ESCAPE = "bad_escape", "A backslash escape is not one of JSON's, or half of a surrogate pair."
    MISSING_COMMA = "missing_comma", "A comma is missing between two members."
    TRAILING_COMMA = "trailing_comma", "A comma stands before a closing bracket."
    SINGLE_QUOTES = "single_quotes", "A string is in single quotes."
    NOT_A_NUMBER = "not_a_number", "NaN or Infinity, which JSON does not have."
    TOO_DEEP = "too_deep", "Brackets are nested deeper than any feedback could be."
    SYNTAX = "syntax", "Some other break of JSON's grammar."
    SEVERAL_VALUES = "several_values", "Another JSON value follows the first."
    PROSE_AFTER = "prose_after", "Text stands after the JSON."
    DUPLICATE_KEY = "duplicate_key", "A key occurs twice in one object."
    NOT_OBJECT = "not_object", "The JSON is not an object."
    MISSING_TRAIT = "missing_trait", "A trait is missing."
    EXTRA_KEY = "extra_key", "There is a key that is not part of feedback."
    TRAIT_NOT_OBJECT = "trait_not_object", "A trait's value is not an object."
    SCORE_MISSING = "score_missing", "A trait has no score."
    SCORE_NOT_NUMBER = "score_not_number", "A score is not a number."
    SCORE_NOT_INTEGER = "score_not_integer", "A score is a number but not an integer token."
    SCORE_OUT_OF_RANGE = "score_out_of_range", "A score is outside 1 to 10."
    EXPLANATION_MISSING = "explanation_missing", "A trait has no explanation."
    EXPLANATION_NOT_TEXT = "explanation_not_text", "An explanation is not a string."
    EXPLANATION_EMPTY = "explanation_empty", "An explanation is empty or white space."
    EVIDENCE_MISSING = "evidence_missing", "A trait has no evidence."  # asked of labellers alone, like the next
    EVIDENCE_NOT_TEXT = "evidence_not_text", "Evidence is not a string."
    NO_END_TOKEN = "no_end_token", "The object is complete, but the token limit came before the end token."


@dataclass(frozen=True, slots=True)
class Malformed:
    """The first failure of an output."""

    code: FailureCode
    offset: int
    """Where it shows, in bytes from the start of the output."""
    pointer: str
    """The JSON value concerned, as an RFC 6901 pointer; empty for the whole document."""


class GrammarError(Exception):
    """A break of JSON's grammar, on its way from the scanner to the judge."""

    def __init__(self, code: FailureCode, offset: int, pointer: str) -> None:
        super().__init__(code, offset, pointer)
        self.malformed = Malformed(code, offset, pointer)
