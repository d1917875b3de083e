"""Terminal output: progress, tables, and one sentence when something is wrong."""

import json
import os
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from feedback_model import progress
from feedback_model.errors import ConfigurationError
from feedback_model.masking import mask
from feedback_model.printable import without_controls
from feedback_model.waiting import Wait

LINE_SECONDS: Final = 30.0
"""Between two lines about a stage under way where there is no terminal."""
SPEED_SECONDS: Final = 300.0
"""Over which a bar's rate and time left are taken: a batch of a real model may take half a minute."""

console = Console(stderr=True)
out = Console()
if not out.is_terminal:
    out = Console(width=1_000)  # a file or a pipe has no edge to fold at


def say(message: str) -> None:
    """Print one line about what happens, beside the result."""
    console.print(_escape(mask(message)), highlight=False, soft_wrap=not console.is_terminal)


def say_wait(wait: Wait) -> None:
    """Print one line about whom this command waits for."""
    say(str(wait))


def fail(message: str) -> None:
    """Print the one sentence of a command that could not do its job."""
    console.print(f"[bold red]error:[/] {_escape(mask(message))}", highlight=False, soft_wrap=True)


def _escape(text: str) -> str:
    return text.replace("[", "\\[")


def print_json(value: Any) -> None:
    """Machine-readable result on standard output."""
    write_out(json.dumps(value, ensure_ascii=False, indent=2, default=_text) + "\n")


def write_out(text: str) -> None:
    """Write to standard output at once; whoever reads it may have enough.

    Raises:
        ConfigurationError: it cannot be written, as on a full disk.
    """
    try:
        sys.stdout.write(text.encode("utf-8", "replace").decode())  # names of files may be no text
        sys.stdout.flush()
    except BrokenPipeError:  # as `head` has: end without a word
        _write_the_rest_to_nowhere()
        sys.exit(1)
    except OSError as error:
        _write_the_rest_to_nowhere()
        raise ConfigurationError(f"standard output cannot be written: {error.strerror}; make room for it") from error


def _write_the_rest_to_nowhere() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    found = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return without_controls(found)


class _Left(TimeRemainingColumn):
    """Time left, said as such."""

    def render(self, task: Task) -> Text:
        left = super().render(task)
        return Text.assemble(left, " left") if task.total and not task.finished else Text()


class _Rate(ProgressColumn):
    """Units a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(show_rate(speed) if speed else "", style="progress.data.speed")


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


@dataclass
class _Lines:
    """Without a terminal: a line when a stage ends, and one each half minute while it lasts, so that a log stays readable."""

    clock: Callable[[], float] = time.monotonic
    finished: set[str] = field(default_factory=set)
    told: dict[str, float] = field(default_factory=dict)
    """When a stage had its last line."""
    begun: dict[str, tuple[float, int]] = field(default_factory=dict)
    """When a stage began, and with how much done."""

    def __call__(self, news: progress.Progress) -> None:
        if news.total and news.done >= news.total:
            if news.stage not in self.finished:
                say(f"{news.stage}: {news.done}/{news.total} {news.detail}".rstrip())
            self.finished.add(news.stage)
            self.begun.pop(news.stage, None)
            return
        self.finished.discard(news.stage)  # what was finished goes on, over more
        now = self.clock()
        if news.stage not in self.begun:
            self.begun[news.stage] = (now, news.done)
            self.told[news.stage] = now
        elif now - self.told[news.stage] >= LINE_SECONDS:
            self.told[news.stage] = now
            say(f"{news.stage}: {_under_way(news, now, *self.begun[news.stage])}")


def _under_way(news: progress.Progress, now: float, begun: float, done: int) -> str:
    """Phrase how far a stage is, how fast it goes and how long it will take."""
    rate = (news.done - done) / (now - begun)
    parts = [
        f"{news.done}/{news.total}" if news.total else f"{news.done}",
        show_rate(rate),
        news.detail,
        f"{_duration((news.total - news.done) / rate)} left" if news.total and rate else "",
    ]
    return ", ".join(part for part in parts if part)


def show_rate(rate: float) -> str:
    """Show how many units pass a second, or where that is less than one, a minute."""
    return f"{rate:.1f}/s" if rate >= 1 else f"{60 * rate:.1f}/min"


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


@contextmanager
def showing_progress(*, quiet: bool = False) -> Generator[None]:
    """Show the progress of everything inside the block."""
    if quiet:
        yield
    elif not console.is_terminal:
        with progress.reporting_to(_Lines()):
            yield
    else:
        columns = (
            TextColumn("{task.description:<24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _Left(),
            _Rate(),
        )
        # What goes to standard output goes there, not above the bars on standard error.
        display = Progress(
            *columns,
            TextColumn("{task.fields[detail]}"),
            console=console,
            redirect_stdout=False,
            speed_estimate_period=SPEED_SECONDS,
        )
        with display, progress.reporting_to(_Bars(display)):
            yield
