"""Batch API of an endpoint, with the retry policy of its labeller; a job's id travels in the provider's metadata."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import orjson

from feedback_model.errors import LabellerError
from feedback_model.labelling.api_errors import APIError, action_for, error_within, is_for_good, read_error
from feedback_model.labelling.client import ENDPOINT
from feedback_model.labelling.envelopes import EnvelopeReader
from feedback_model.labelling.labeller import OpenAILabeller
from feedback_model.records.labels import PaidResponse

BATCH_SHARE: Final = 0.5  # of the price


@dataclass(frozen=True, slots=True)
class Answered:
    """A request of a batch that was answered, and billed."""

    attempt_id: str
    paid: PaidResponse


@dataclass(frozen=True, slots=True)
class Failed:
    """A request of a batch that was not answered."""

    attempt_id: str
    code: str
    status: int | None = None
    """HTTP status; None where it was never executed."""
    parameter: str | None = None
    """The refused part of the request, where that is said."""
    message: str = ""
    """The endpoint's own words: one line, without passwords and keys."""

    @property
    def for_good(self) -> bool:
        """True where the same request would be refused again."""
        return self.status is not None and is_for_good(action_for(self.status, self.code, None, self.message))


def request_line(attempt_id: str, body: dict[str, Any]) -> bytes:
    """Write one request as a line of a batch file."""
    return orjson.dumps({"custom_id": attempt_id, "method": "POST", "url": ENDPOINT, "body": body}) + b"\n"


def read_lines(content: bytes, envelopes: EnvelopeReader, model: str) -> Iterator[Answered | Failed]:
    """Read the lines of an output or error file; a line that cannot be read is passed over."""
    for line in content.split(b"\n"):
        read = _read(line, envelopes, model) if line.strip() else None
        if read is not None:
            yield read


def _read(line: bytes, envelopes: EnvelopeReader, model: str) -> Answered | Failed | None:
    try:
        said = orjson.loads(line)
        attempt_id, response = str(said["custom_id"]), said.get("response")
        if response and response["status_code"] == 200:
            body = orjson.dumps(response["body"])
            if (error := error_within(body)) is not None:
                return _failed_with(attempt_id, error)
            paid = envelopes.read(body, model)
            return Answered(
                attempt_id, replace(paid, cost_usd=None if paid.cost_usd is None else paid.cost_usd * BATCH_SHARE)
            )
        return _failed(attempt_id, said.get("error"), response)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def _failed(attempt_id: str, error: Any, response: Any) -> Failed:
    if error and error.get("code"):
        return Failed(attempt_id, str(error["code"]))
    status = (response or {}).get("status_code")
    inner = read_error((response or {}).get("body", {}).get("error"), status)
    return Failed(attempt_id, "batch_error", status) if inner is None else _failed_with(attempt_id, inner)


def _failed_with(attempt_id: str, error: APIError) -> Failed:
    return Failed(attempt_id, error.code, error.status, error.parameter, error.message)


T = TypeVar("T")

JOB: Final = "feedback_job"  # metadata key under which the provider keeps a job's id


class PermanentlyRefused(LabellerError):
    """A file or batch that would be refused again."""


class BatchAPI:
    """Batch API of one endpoint. Every method raises `LabellerError` where the endpoint does not do what it is asked for."""

    def __init__(self, labeller: OpenAILabeller) -> None:
        self._client = labeller.client
        self._retries = labeller.retries

    async def check(self) -> None:
        """Check that the endpoint has batches, before anything is written down for one."""
        if not await self._call_with_retries(self._client.has_batches):
            raise LabellerError(f"the endpoint {self._client.url} has no Batch API; use --mode now")

    async def find(self, job_id: str) -> Any | None:
        """Find the batch of a job; None where there is none yet."""
        return await self._call_with_retries(lambda: self._client.find_batch(JOB, job_id))

    async def upload(self, job_id: str, lines: bytes) -> str:
        """Upload the file of a job; returns its id."""
        return await self._call_with_retries(lambda: self._client.upload(f"{job_id}.jsonl", lines))

    async def create(self, job_id: str, file_id: str) -> Any:
        """Create the batch of a job, unless a call whose answer was lost has made it."""

        async def find_or_create() -> Any:
            made = await self._client.find_batch(JOB, job_id)
            return made or await self._client.create_batch(file_id, {JOB: job_id})

        return await self._call_with_retries(find_or_create)

    async def look(self, batch_id: str) -> Any | None:
        """Fetch a batch; None where the endpoint has none of that id."""
        return await self._call_with_retries(lambda: self._client.batch(batch_id))

    async def read(self, file_id: str) -> bytes | None:
        """Fetch the content of a file; None where the endpoint has none of that id."""
        return await self._call_with_retries(lambda: self._client.file(file_id))

    async def _call_with_retries(self, send: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._retries.call_with_retries(send)
        except APIError as error:
            for_good = action_for(error.status, error.code, None) == "give_up"
            raise (PermanentlyRefused if for_good else LabellerError)(
                f"the endpoint did not do what batches need ({error.code}): {error.message}; what was handed in goes on, "
                "run the same command again, or use --mode now"
            ) from error
