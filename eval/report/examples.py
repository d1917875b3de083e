"""Outputs worth reading: close to the label, far from it, and broken."""

from dataclasses import dataclass

from eval.report.asking import Answer, ask
from feedback_model.feedback import Feedback
from feedback_model.parsing import FailureCode, judge
from feedback_model.store.connection import Store
from feedback_model.store.reading import Row
from feedback_model.traits import TRAITS

_SHOWN_TEXT = 420  # characters of a transcript
_SHOWN_OUTPUT = 700  # characters of a broken output
_FAILED = 4


@dataclass(frozen=True, slots=True)
class TraitLine:
    """One trait of an answer beside its label."""

    title: str
    label: int
    said: int
    explanation: str


@dataclass(frozen=True, slots=True)
class AnsweredExample:
    """A strictly valid output."""

    transcript_id: str
    text: str
    mse: float
    lines: tuple[TraitLine, ...]


@dataclass(frozen=True, slots=True)
class FailedExample:
    """An output that is not strictly valid."""

    model: str
    transcript_id: str
    text: str
    tier: str
    code: str
    sentence: str
    offset: int
    before: str
    """The output up to where it fails."""
    after: str
    """The rest of it."""
    cut: bool
    """Whether the output is longer than what is shown."""


@dataclass(frozen=True, slots=True)
class Examples:
    """What the report shows of single outputs."""

    best: tuple[AnsweredExample, ...]
    worst: tuple[AnsweredExample, ...]
    failed: tuple[FailedExample, ...]
    answered_sql: str
    failed_sql: str


def pick_examples(store: Store, evaluation_id: str, model: str) -> Examples:
    """Two of the closest and two of the furthest answers of `model`, and broken outputs, its own first."""
    answered = ask(store, "answered", evaluation_id=evaluation_id, model=model)
    failed = ask(store, "failed", evaluation_id=evaluation_id, model=model)
    furthest = answered.rows[2:][-2:][::-1]
    return Examples(
        best=tuple(_answered(store, evaluation_id, model, row) for row in answered.rows[:2]),
        worst=tuple(_answered(store, evaluation_id, model, row) for row in furthest),
        failed=tuple(_failed(store, evaluation_id, row) for row in _one_of_each(failed)),
        answered_sql=answered.sql,
        failed_sql=failed.sql,
    )


def _one_of_each(failed: Answer) -> list[Row]:
    """The first output of each failure code, since ten of one kind teach no more than one."""
    first: dict[str, Row] = {}
    for row in failed.rows:
        first.setdefault(row["failure_code"], row)
    return list(first.values())[:_FAILED]


def _answered(store: Store, evaluation_id: str, model: str, row: Row) -> AnsweredExample:
    name = row["transcript_id"]
    output = ask(store, "output", evaluation_id=evaluation_id, model=model, transcript_id=name).rows[0]
    labels = ask(store, "label", evaluation_id=evaluation_id, transcript_id=name).rows
    feedback = judge(output["raw"]).feedback
    label = {each["trait"]: each["score"] for each in labels}
    return AnsweredExample(name, _shortened(output["text"]), float(row["mse"]), _lines(label, feedback))


def _lines(label: dict[str, int], feedback: Feedback | None) -> tuple[TraitLine, ...]:
    if feedback is None:
        return ()
    return tuple(
        TraitLine(trait.title, label[trait.key], feedback[trait.key].score, feedback[trait.key].explanation)
        for trait in TRAITS
    )


def _failed(store: Store, evaluation_id: str, row: Row) -> FailedExample:
    name, model, offset = row["transcript_id"], row["model"], row["failure_offset"] or 0
    output = ask(store, "output", evaluation_id=evaluation_id, model=model, transcript_id=name).rows[0]
    raw: bytes = output["raw"]
    start = max(0, offset - _SHOWN_OUTPUT // 2)
    before, after = raw[start:offset], raw[offset : start + _SHOWN_OUTPUT]
    return FailedExample(
        model=model,
        transcript_id=name,
        text=_shortened(output["text"]),
        tier=row["tier"],
        code=row["failure_code"],
        sentence=FailureCode(row["failure_code"]).sentence,
        offset=offset,
        before=_readable(before),
        after=_readable(after),
        cut=len(raw) > _SHOWN_OUTPUT,
    )


def _readable(raw: bytes) -> str:
    """Bytes as text: what is no UTF-8 as a replacement mark, control characters as their pictures."""
    pictures = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
    return raw.decode("utf-8", "replace").translate(pictures)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_TEXT else text[:_SHOWN_TEXT].rsplit(" ", 1)[0] + " …"
