"""Terminal output: progress, tables, and one sentence when something is wrong."""

import json
import os
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from textwrap import indent
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from feedback_model import progress
from feedback_model.waiting import Wait

console = Console(stderr=True)
out = Console()
if not out.is_terminal:
    out = Console(width=1_000)  # a file or a pipe has no edge to fold at


def say(message: str) -> None:
    """Print one line about what happens, beside the result."""
    console.print(_escape(message), highlight=False, soft_wrap=not console.is_terminal)


def say_wait(wait: Wait) -> None:
    """Print one line about whom this command waits for."""
    say(str(wait))


def fail(message: str) -> None:
    """Print the one sentence of a command that could not do its job."""
    console.print(f"[bold red]error:[/] {_escape(message)}", highlight=False, soft_wrap=True)


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


def print_json(value: Any) -> None:
    """Machine-readable result on standard output."""
    _write(json.dumps(value, ensure_ascii=False, indent=2, default=_text) + "\n")


def print_json_list(values: Iterable[Any]) -> None:
    """Print a JSON list, each value as soon as it is there; what ends the values early leaves a list of those before."""
    opening = separator = "[\n"
    try:
        for value in values:
            shown = json.dumps(value, ensure_ascii=False, indent=2, default=_text)
            _write(separator + indent(shown, "  "))
            separator = ",\n"
    finally:
        if separator != opening:
            _write("\n]\n")


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has enough, as `head` has: end without a word, write what is left to nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows as a table; numbers to the right, absent values as a dash."""
    table = Table(title=title or None, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = any(isinstance(row[index], int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    out.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else _escape(_text(value))


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


class _Left(TimeRemainingColumn):
    """Time left, said as such."""

    def render(self, task: Task) -> Text:
        left = super().render(task)
        return Text.assemble(left, " left") if task.total and not task.finished else Text()


@dataclass
class _Bars:
    """One bar a stage, made when its first progress arrives."""

    display: Progress
    bars: dict[str, TaskID] = field(default_factory=dict)

    def __call__(self, news: progress.Progress) -> None:
        if news.stage not in self.bars:
            self._close_open_ended()
            self.bars[news.stage] = self.display.add_task(news.stage, total=news.total, detail=news.detail)
        self.display.update(self.bars[news.stage], completed=news.done, total=news.total, detail=news.detail)

    def _close_open_ended(self) -> None:
        # A stage of unknown length is over when the next one starts.
        for task in self.display.tasks:
            if task.total is None:
                self.display.update(task.id, total=task.completed)


def _plain_listener() -> Callable[[progress.Progress], None]:
    """Without a terminal: one line when a stage ends, so that a log stays readable."""
    finished: set[str] = set()

    def listen(news: progress.Progress) -> None:
        if not news.total or news.done < news.total:
            finished.discard(news.stage)  # what was finished goes on, over more
        elif news.stage not in finished:
            finished.add(news.stage)
            say(f"{news.stage}: {news.done}/{news.total} {news.detail}".rstrip())

    return listen


@contextmanager
def showing_progress(*, quiet: bool = False) -> Generator[None]:
    """Show the progress of everything inside the block."""
    if quiet:
        yield
    elif not console.is_terminal:
        with progress.reporting_to(_plain_listener()):
            yield
    else:
        columns = (
            TextColumn("{task.description:<24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _Left(),
        )
        display = Progress(*columns, TextColumn("{task.fields[detail]}"), console=console)
        with display, progress.reporting_to(_Bars(display)):
            yield


def counts_phrase(counts: Mapping[str, int]) -> str:
    """`3 too_short, 1 not_utf8`, largest first; empty for none."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
