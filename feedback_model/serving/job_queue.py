"""Texts that wait for the model. A batch is what waits: nobody is kept waiting for company.

The event loop puts texts in and takes those out again whose clients left; the model's thread takes batches. Nothing here blocks
the event loop.
"""

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from feedback_model.inference.generator import Output
from feedback_model.inference.models import ChosenModel
from feedback_model.records.evaluation import Decoding
from feedback_model.serving.request_errors import RequestError

_LONGEST_RETRY: Final = 60  # seconds that a refused client is asked to wait, at most
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


class JobQueue:
    """The texts that wait, first come first served; shared by threads."""

    def __init__(self, capacity: int) -> None:
        """Open a queue for at most `capacity` texts."""
        self._capacity = capacity
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._woken = self._closed = False
        self._seconds_each = 0.0
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
            if len(self._jobs) + len(texts) > self._capacity:
                raise self._full(len(texts))
            jobs = [Job(text, decoding) for text in texts]
            self._jobs.extend(jobs)
            self._changed.notify()
            return jobs

    def _full(self, n_texts: int) -> RequestError:
        if n_texts > self._capacity:
            message = (
                f"the request makes {n_texts} pieces, of which at most {self._capacity} are answered at once; "
                "send it in parts, or let `feedback score` answer it"
            )
            return RequestError(413, message, "too_long")
        wait = min(_LONGEST_RETRY, max(1, ceil(len(self._jobs) * self._seconds_each)))
        message = f"{len(self._jobs)} pieces wait already, which is all there is room for; try again in {wait} s"
        return RequestError(429, message, "queue_full", retry_after=wait)

    def withdraw(self, jobs: Iterable[Job]) -> None:
        """Take out those of `jobs` that nobody waits for any more; what is being answered already cannot be."""
        with self._changed:
            gone = {id(job) for job in jobs if job.answer.cancel()}
            self._jobs = deque(job for job in self._jobs if id(job) not in gone)

    def take(self, most: int) -> list[Job] | None:
        """Wait until something waits, and take up to `most` that are to be asked in one way; None: closed and empty.

        Ways take turns, so that scores, which are quick, do not wait for everybody's explanations.

        Returns:
            Nothing where `wake` was called.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._woken or self._closed)
            if self._woken:
                self._woken = False
                return []
            if not self._jobs:
                return None
            first = next((job for job in self._jobs if job.decoding != self._taken_last), self._jobs[0])
            taken = [job for job in self._jobs if job.decoding == first.decoding][:most]
            self._taken_last = first.decoding
            rest = {id(job) for job in taken}
            self._jobs = deque(job for job in self._jobs if id(job) not in rest)
            return taken

    def wake(self) -> None:
        """Have `take` return, so that the model's thread looks up from waiting."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def note_speed(self, n_texts: int, seconds: float) -> None:
        """Remember how long a batch took, for telling refused clients when to come back."""
        newest = seconds / n_texts
        share = _NEWEST_SHARE if self._seconds_each else 1.0
        self._seconds_each += share * (newest - self._seconds_each)

    def close(self, error: Exception | None = None) -> None:
        """Take no more; what waits is still answered, or fails with `error` where there is one."""
        with self._changed:
            self._closed = True
            left, self._jobs = (list(self._jobs), deque[Job]()) if error else ([], self._jobs)
            self._changed.notify()
        for job in left:
            if error and job.answer.set_running_or_notify_cancel():
                job.answer.set_exception(error)
