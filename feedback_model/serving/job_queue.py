"""Texts that wait for the model. A batch is what waits: nobody is kept waiting for company.

The event loop puts texts in and takes those out again whose clients left; the model's thread takes batches. Nothing here blocks
the event loop.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Final

from feedback_model.inference.generator import Output
from feedback_model.inference.models import ChosenModel
from feedback_model.records.evaluation import Decoding
from feedback_model.serving.request_errors import RequestError

_LONGEST_RETRY: Final = 60  # seconds that a refused client is asked to wait, at most
_SECONDS_UNKNOWN: Final = 2.5  # that a text is taken to need as long as nothing is known of its way of asking
_NEWEST_SHARE: Final = 0.3  # of the last batch in the running estimate of how long a text takes


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The model that answers."""

    chosen: ChosenModel
    decoding: Decoding
    """The way of asking where a request names none."""
    max_new_tokens: int
    """Tokens after which an answer is cut."""
    device: str
    """Device and compute type."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Output on one text, and who gave it."""

    output: Output
    model: ServedModel
    decoding: Decoding
    n_prompt_tokens: int


@dataclass(eq=False, slots=True)
class Job:
    """A text that waits for its answer."""

    text: str
    decoding: Decoding | None
    """None: the served model's own."""
    answer: "Future[Answer]" = field(default_factory=Future["Answer"])
    is_given_up: bool = False
    """True once nobody waits for its answer."""


class JobQueue:
    """The texts that wait, first come first served; shared by threads."""

    def __init__(self, capacity: int, longest_wait: float = inf) -> None:
        """Open a queue for at most `capacity` texts, and no more than are answered within `longest_wait` seconds."""
        self._capacity, self._longest_wait = capacity, longest_wait
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._woken = self._closed = False
        self._seconds_each: dict[Decoding, float] = {}
        self.own_way: Decoding = "free"
        """The served model's own way of asking, where a text names none; set by who serves it."""
        self._busy_until = 0.0
        self._taken_last: str | None = ""  # none of the ways yet

    def __len__(self) -> int:
        return len(self._jobs)

    def submit(self, texts: Sequence[str], decoding: Decoding | None) -> list[Job]:
        """Put `texts` in line, all of them or none.

        Raises:
            RequestError: there is no room for them, or nothing is answered any more.
        """
        with self._changed:
            if self._closed:
                raise RequestError(503, "the server is stopping; send the request again when it is back", "stopping")
            wait = self._wait()
            if len(self._jobs) + len(texts) > self._capacity or wait > self._longest_wait:
                raise self._full(len(texts), wait)
            jobs = [Job(text, decoding) for text in texts]
            self._jobs.extend(jobs)
            self._changed.notify()
            return jobs

    def _wait(self) -> float:
        """Estimate the seconds until what is there already is answered, by how long its like took of late."""
        under_way = max(0.0, self._busy_until - time.monotonic())
        return under_way + sum(self._seconds_of(job) for job in self._jobs)

    def _seconds_of(self, job: Job) -> float:
        """Estimate how long a text takes."""
        return self._seconds_each.get(job.decoding or self.own_way, _SECONDS_UNKNOWN)

    def _full(self, n_texts: int, seconds: float) -> RequestError:
        if n_texts > self._capacity:
            message = (
                f"the request makes {n_texts} pieces, of which at most {self._capacity} are answered at once; "
                "send it in parts, or let `feedback score` answer it"
            )
            return RequestError(413, message, "too_long")
        wait = min(_LONGEST_RETRY, max(1, ceil(seconds)))
        if len(self._jobs) + n_texts > self._capacity:
            message = f"{len(self._jobs)} pieces wait already, which is all there is room for; try again in {wait} s"
        else:
            message = f"the model is busy for {seconds:.0f} s with what was asked before; try again in {wait} s"
        return RequestError(429, message, "queue_full", retry_after=wait)

    def withdraw(self, jobs: Sequence[Job]) -> None:
        """Take out those of `jobs` that nobody waits for any more; a batch under way ends when that is true of all of it."""
        with self._changed:
            for job in jobs:
                job.is_given_up = True
            gone = {id(job) for job in jobs if job.answer.cancel()}
            self._jobs = deque(job for job in self._jobs if id(job) not in gone)

    def take(self, most: int) -> list[Job] | None:
        """Wait until something waits, and take up to `most` that are to be asked in one way; None: closed and empty.

        Ways take turns, so that scores, which are quick, do not wait for everybody's explanations.

        Returns:
            Nothing where `wake` was called.
        """
        with self._changed:
            self._busy_until = 0.0  # whoever takes has nothing under way
            self._changed.wait_for(lambda: self._jobs or self._woken or self._closed)
            if self._woken:
                self._woken = False
                return []
            if not self._jobs:
                return None
            first = next((job for job in self._jobs if job.decoding != self._taken_last), self._jobs[0])
            alike = [job for job in self._jobs if job.decoding == first.decoding]
            taken = alike[: min(most, self._most_in_time(first.decoding or self.own_way))]
            self._taken_last = first.decoding
            self._busy_until = time.monotonic() + self._seconds_of(first) * len(taken)
            rest = {id(job) for job in taken}
            self._jobs = deque(job for job in self._jobs if id(job) not in rest)
            return taken

    def _most_in_time(self, way: Decoding) -> int:
        """Return how many texts are asked in half of the time that may be waited, so that who comes next is not kept for longer.

        One, as long as nobody knows how long one takes.
        """
        if self._longest_wait == inf:
            return self._capacity
        known = self._seconds_each.get(way)
        return 1 if known is None else max(1, int(self._longest_wait / 2 / known))

    def wake(self) -> None:
        """Have `take` return, so that the model's thread looks up from waiting."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def note_speed(self, decoding: Decoding, n_texts: int, seconds: float) -> None:
        """Remember how long a batch took that was asked in one way, for knowing how long what waits will take."""
        newest = seconds / n_texts
        known = self._seconds_each.get(decoding, newest)
        self._seconds_each[decoding] = known + _NEWEST_SHARE * (newest - known)

    def close(self, error: Exception | None = None) -> None:
        """Take no more; what waits is still answered, or fails with `error` where there is one."""
        with self._changed:
            self._closed = True
            left, self._jobs = (list(self._jobs), deque[Job]()) if error else ([], self._jobs)
            self._changed.notify()
        for job in left:
            if error and job.answer.set_running_or_notify_cancel():
                job.answer.set_exception(error)
