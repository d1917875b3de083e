"""Asking the model on behalf of one request: until all answers are there, the deadline is over, or the client has left."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request

from feedback_model.errors import FeedbackError, InputError, Interrupted
from feedback_model.records.evaluation import Decoding
from feedback_model.serving.job_queue import Answer, Job, JobQueue
from feedback_model.serving.request_errors import CLIENT_LEFT, RequestError


class Asking:
    """The way from a request to the model and back."""

    def __init__(self, queue: JobQueue, deadline: float) -> None:
        """Ask through `queue`; an answer that takes longer than `deadline` seconds is given up."""
        self._queue, self._deadline = queue, deadline

    def submit(self, texts: Sequence[str], decoding: Decoding | None) -> list[Job]:
        """Put `texts` in line.

        Raises:
            RequestError: there is no room for them.
        """
        return self._queue.submit(texts, decoding)

    async def answers(self, jobs: Sequence[Job]) -> list[Answer]:
        """Wait for the answers to `jobs`, which lose their places where this is cancelled.

        Raises:
            RequestError: the model failed, or the deadline is over.
        """
        try:
            async with asyncio.timeout(self._deadline):
                return list(await asyncio.gather(*(asyncio.wrap_future(job.answer) for job in jobs)))
        except TimeoutError:
            message = f"there was no answer within {self._deadline:g} s: the server is busy; try again later"
            raise RequestError(503, message, "deadline", retry_after=round(self._deadline)) from None
        except FeedbackError as error:
            raise _as_request_error(error) from error
        finally:
            self._queue.withdraw(jobs)

    async def ask(self, request: Request, texts: Sequence[str], decoding: Decoding | None) -> list[Answer]:
        """Answer `texts`, as long as the client of `request` waits for it.

        Raises:
            RequestError: there is no answer; says why.
        """
        waiting = asyncio.ensure_future(self.answers(self.submit(texts, decoding)))
        leaving = asyncio.ensure_future(_until_gone(request))
        try:
            await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise RequestError(CLIENT_LEFT, "the client left before its answer")
            return waiting.result()
        finally:
            waiting.cancel()
            leaving.cancel()


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _as_request_error(error: FeedbackError) -> RequestError:
    if isinstance(error, RequestError):
        return error
    if isinstance(error, InputError):
        return RequestError(400, str(error))
    if isinstance(error, Interrupted):
        return RequestError(503, str(error), "stopping")
    return RequestError(500, str(error), "model_failed")
