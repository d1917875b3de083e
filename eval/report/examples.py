"""Examples of outputs: close to the label, far from it, and broken; picked from query results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.report.data import QueryResult, Row
from eval.report.text import describe_failure
from feedback_model.parsing import judge
from feedback_model.traits import TRAITS

_SHOWN_TEXT = 420  # characters of a transcript
_SHOWN_OUTPUT = 700  # bytes of a broken output
_EACH = 2  # of the closest, and of the furthest


@dataclass(frozen=True, slots=True)
class TraitLine:
    """One trait of an result beside its label."""

    title: str
    scores: Row
    explanation: str

    @property
    def far(self) -> bool:
        """True where the prediction is more than one point off."""
        return abs(float(self.scores["label_score"] or 0) - float(self.scores["predicted_score"] or 0)) > 1


@dataclass(frozen=True, slots=True)
class AnsweredExample:
    """Strictly valid output, beside the label."""

    row: Row
    text: str
    lines: tuple[TraitLine, ...]


@dataclass(frozen=True, slots=True)
class FailedExample:
    """Output that is not strictly valid."""

    row: Row
    text: str
    sentence: str
    before: str
    """The output up to where it fails."""
    after: str
    """The rest of it."""
    cut: bool
    """True where the output is longer than the part shown."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Outputs that the report shows one by one."""

    best: tuple[AnsweredExample, ...]
    worst: tuple[AnsweredExample, ...]
    failed: tuple[FailedExample, ...]


def pick_examples(results: Mapping[str, QueryResult]) -> Examples:
    """Pick the closest and the furthest outputs of the model shown, and broken outputs, one of each kind."""
    answered, traits = results["answered"].rows, results["answered_traits"].rows
    best = [row for row in answered if int(row["place"] or 0) <= _EACH]
    worst = [row for row in reversed(answered) if row not in best]
    return Examples(
        best=tuple(_answered(row, traits) for row in best),
        worst=tuple(_answered(row, traits) for row in worst),
        failed=tuple(_failed(row) for row in results["failed"].rows),
    )


def _answered(row: Row, traits: Sequence[Row]) -> AnsweredExample:
    scores = {each["trait"]: each for each in traits if each["transcript_id"] == row["transcript_id"]}
    feedback = judge(str(row["raw_text"]).encode()).feedback
    lines = tuple(
        TraitLine(trait.title, scores[trait.key], "" if feedback is None else feedback[trait.key].explanation)
        for trait in TRAITS
        if trait.key in scores
    )
    return AnsweredExample(row, _shortened(str(row["text"])), lines)


def _failed(row: Row) -> FailedExample:
    raw, offset = str(row["raw_text"]).encode("utf-8", "replace"), int(row["failure_offset"] or 0)
    start = max(0, min(offset, len(raw)) - _SHOWN_OUTPUT // 2)
    end = start + _SHOWN_OUTPUT
    return FailedExample(
        row=row,
        text=_shortened(str(row["text"])),
        sentence=describe_failure(row["failure_code"]),
        before=_readable(raw[start:offset]),
        after=_readable(raw[offset:end]),
        cut=len(raw) > end or int(row["characters"] or 0) > len(str(row["raw_text"])),
    )


def _readable(raw: bytes) -> str:
    """Decode bytes as text: what is no UTF-8 as a replacement mark, control characters as their pictures."""
    pictures = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
    return raw.decode("utf-8", "replace").translate(pictures)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_TEXT else text[:_SHOWN_TEXT].rsplit(" ", 1)[0] + " …"
