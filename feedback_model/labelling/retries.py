"""Retry policy and circuit breaker: how often a request is sent again, and when the whole run ends.

All requests of a run share one `RetryPolicy`, so an error that ends the run ends it at once. How fast they are sent is decided
by `rate_limiter`.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from feedback_model.errors import (
    ConfigurationError,
    EndpointUnreachable,
    FeedbackError,
    LabellerError,
    LabellingStopped,
)
from feedback_model.labelling.api_errors import UNAUTHORIZED, APIError
from feedback_model.progress import check_stop
from feedback_model.settings import default_setting
from feedback_model.waiting import Waiting

T = TypeVar("T")
TICK: Final = 0.25  # seconds between looks at a request to stop


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """Limits of the retry policy; times in seconds."""

    outage: float = default_setting("label_outage")
    """An endpoint that has done nothing but fail for so long counts as down."""
    first_contact: float = 3.0
    """The same for one that has never answered yet."""
    few: int = 3
    """While no more requests than this fail, the fault may lie in them: they are set aside, and the run goes on."""
    attempts: int = 6
    """How often one request may fail while others are answered."""
    longest_wait: float = default_setting("label_longest_wait")
    """The longest pause for a limit; beyond it the run stops, to be started again later."""
    lately: float = 60.0
    """While something was answered that lately, one request that is told to wait for minutes asks again sooner."""
    first_backoff: float = 0.5
    longest_backoff: float = 8.0
    hopeless: int = 10
    """So many requests refused as unanswerable one after the other means that all will be."""
    suspects: int = 5
    """So many requests refused with 401, 403 or 404 and no code one after the other means that key, model or path is wrong."""


class RetryPolicy:
    """Retry policy of one run: requests are sent until they are answered, or until no further one should be sent."""

    def __init__(self, where: str, bounds: RetryLimits) -> None:
        self._where = where
        self._bounds = bounds
        self._ended: FeedbackError | None = None
        self._answered = False
        self._last_answer = time.monotonic()
        self._failing_since: float | None = None
        self._limited_since: float | None = None
        self._n_requests = 0
        self._failing: set[int] = set()
        """Requests, by their number in the order in which they came."""
        self._unanswerable: set[int] = set()
        self._suspected: set[int] = set()
        self._key_is_right = False
        self.model_is_listed = False
        """True where the endpoint lists the model, so its path is right."""

    async def call_with_retries(self, send: Callable[[], Awaitable[T]], *, open_to_all: bool = False) -> T:
        """Call `send` until it answers, again after limits and faults.

        Args:
            open_to_all: an answer does not show that the key is right.

        Raises:
            APIError: this one request cannot be answered.
            LabellingStopped: billing; no further request will be sent.
            EndpointUnreachable: the endpoint is down.
            LabellerError: it asks for a longer wait than the bounds allow.
            ConfigurationError: the key or the model is wrong.
            Interrupted: a stop was requested.
        """
        self._n_requests += 1
        number = self._n_requests
        try:
            return await self._send_once(send, number, open_to_all)
        except APIError as error:
            if error.action not in {"wait", "retry"}:
                raise
            first = [error]

        async def again() -> T:
            # tenacity's bookkeeping costs as much as our whole request, so the first attempt goes without, and is told of here.
            if first:
                raise first.pop()
            return await self._send_once(send, number, open_to_all)

        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, APIError) and error.action in {"wait", "retry"}),
            stop=self._is_exhausted,
            wait=self._pause,
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(again)

    async def _send_once(self, send: Callable[[], Awaitable[T]], number: int, open_to_all: bool) -> T:
        self.check()
        try:
            answer = await send()
        except APIError as error:
            self._take_note(error, number)
            raise
        self._note_answer()
        self._key_is_right = self._key_is_right or not open_to_all
        return answer

    def _note_answer(self) -> None:
        self._answered, self._last_answer = True, time.monotonic()
        self._failing_since = self._limited_since = None
        self._failing.clear()

    def check(self) -> None:
        """Refuse to send once the run has ended.

        Raises:
            FeedbackError: the error that ended it.
        """
        check_stop()
        if self._ended is not None:
            raise self._ended

    async def _sleep(self, seconds: float) -> None:
        began = time.monotonic()
        way_out = "Ctrl-C stops this command; what is paid for is kept"
        waiting = Waiting(f"the endpoint {self._where}, which refuses or fails for now", way_out)
        while (left := began + seconds - time.monotonic()) > 0:
            await asyncio.sleep(min(TICK, left))
            self.check()
            if self._last_answer < began:  # no message where one request waits while others are answered
                waiting.look()

    def _is_exhausted(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        others_are_answered = self._last_answer > state.start_time
        return (
            isinstance(error, APIError)
            and error.action == "retry"
            and state.attempt_number >= self._bounds.attempts
            and others_are_answered
        )

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, APIError) else None
        backoff = min(self._bounds.first_backoff * 2 ** min(state.attempt_number - 1, 16), self._bounds.longest_backoff)
        answered_lately = self._answered and self._last_answer > time.monotonic() - self._bounds.lately
        # A single request that is told to wait for minutes while others pass does not believe it.
        believed = asked is not None and (asked <= self._bounds.longest_backoff or not answered_lately)
        wait = asked if asked is not None and believed else backoff
        return wait + random.uniform(0, 0.25) * max(wait, self._bounds.first_backoff)

    def _take_note(self, error: APIError, number: int) -> None:
        match error.action:
            case "stop":
                self._end(
                    LabellingStopped(
                        f"the endpoint {self._where} refuses to go on ({error.code}): {error.message}; "
                        "what is paid for is kept; settle the account and run the same command again"
                    )
                )
            case "configure":
                self._end_for_settings(error, "refuses key, model or path")
            case "wait":
                self._note_limit(error)
            case "retry":
                self._note_fault(error, number)
            case "give_up":
                self._note_unanswerable(error, number)
            case "suspect":
                self._note_suspect(error, number)

    def _note_limit(self, error: APIError) -> None:
        now, wait = time.monotonic(), error.retry_after or 0.0
        self._limited_since = self._limited_since or now
        if wait > self._bounds.longest_wait or now - self._limited_since > self._bounds.longest_wait + wait:
            self._end(
                LabellerError(
                    f"the endpoint {self._where} asks to wait {wait:.0f} s ({error.code}), longer than the "
                    f"{self._bounds.longest_wait:.0f} s this run waits; run the same command again later, or "
                    "raise FEEDBACK_LABEL_LONGEST_WAIT"
                )
            )

    def _note_fault(self, error: APIError, number: int) -> None:
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        self._failing.add(number)
        retries = self._bounds.outage if self._answered else self._bounds.first_contact
        if now - self._failing_since < retries:
            return
        if error.code != "connection" and self._answered and len(self._failing) <= self._bounds.few:
            error.action = "give_up"
        else:
            verb = "cannot be reached" if error.status is None else "keeps failing"
            longer = ", or raise FEEDBACK_LABEL_OUTAGE" if self._answered else ""
            self._end(
                EndpointUnreachable(
                    f"the labelling endpoint {verb} at {self._where}: {error.message}; what is paid for is kept; "
                    f"run the same command again when it is back{longer}"
                )
            )

    def _note_unanswerable(self, error: APIError, number: int) -> None:
        self._unanswerable.add(number)
        in_a_row = _count_in_a_row(self._unanswerable, number)
        if in_a_row >= self._bounds.hopeless:
            self._end(
                LabellerError(
                    f"the endpoint {self._where} refused {in_a_row} requests in a row ({error.code}): "
                    f"{error.message}; choose a model that takes structured output with FEEDBACK_LABEL_MODEL, or ask "
                    "for these once more with `feedback label --again`"
                )
            )

    def _note_suspect(self, error: APIError, number: int) -> None:
        """Take a refusal without a code for one of this request, while key and path are known to be right."""
        self._suspected.add(number)
        in_a_row = _count_in_a_row(self._suspected, number)
        if not (self._key_is_right or (self.model_is_listed and error.status != UNAUTHORIZED)):
            self._end_for_settings(error, "refuses key, model or path")
        elif in_a_row >= self._bounds.suspects:
            self._end_for_settings(error, f"refused {in_a_row} requests in a row")

    def _end_for_settings(self, error: APIError, refusal: str) -> None:
        self._end(
            ConfigurationError(
                f"the endpoint {self._where} {refusal} ({error.code}): {error.message}; "
                "see OPENAI_API_KEY, FEEDBACK_LABEL_MODEL, FEEDBACK_OPENAI_BASE_URL"
            )
        )

    def _end(self, error: FeedbackError) -> None:
        self._ended = self._ended or error
        raise self._ended


def _count_in_a_row(refused: set[int], number: int) -> int:
    """Count the refused requests around `number`, in the order in which they came.

    Refusals come back before answers: at the beginning of a run, some among hundreds in flight would be the only ones so far.
    """
    first = last = number
    while first - 1 in refused:
        first -= 1
    while last + 1 in refused:
        last += 1
    return last - first + 1
