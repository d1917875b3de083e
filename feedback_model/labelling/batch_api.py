"""What the Batch API is asked for, insisted on like everything else, with one sentence where it will not do it.

Knows nothing of the ledger; a job is known by its id, which travels in the provider's metadata.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import orjson

from feedback_model.errors import LabellerError
from feedback_model.labelling.api_errors import APIError, action_for
from feedback_model.labelling.client import ENDPOINT
from feedback_model.labelling.labeller import OpenAILabeller
from feedback_model.labelling.responses import read_envelope
from feedback_model.records.labels import PaidResponse

BATCH_SHARE: Final = 0.5  # of the price


@dataclass(frozen=True, slots=True)
class Answered:
    """A request of a batch that was answered, and billed."""

    attempt_id: str
    paid: PaidResponse


@dataclass(frozen=True, slots=True)
class Failed:
    """A request of a batch that was not."""

    attempt_id: str
    code: str
    status: int | None = None
    """HTTP status; None where it was never executed."""
    parameter: str | None = None
    """What of the request was refused, where that is said."""

    @property
    def for_good(self) -> bool:
        """Whether the same request would be refused again."""
        return self.status is not None and action_for(self.status, self.code, None) == "give_up"


def request_line(attempt_id: str, question: dict[str, Any]) -> bytes:
    """One request, as a line."""
    return orjson.dumps({"custom_id": attempt_id, "method": "POST", "url": ENDPOINT, "body": question}) + b"\n"


def read_lines(content: bytes, model: str) -> Iterator[Answered | Failed]:
    """What the lines of an output or error file say; a line that cannot be read is passed over."""
    for line in content.split(b"\n"):
        read = _read(line, model) if line.strip() else None
        if read is not None:
            yield read


def _read(line: bytes, model: str) -> Answered | Failed | None:
    try:
        said = orjson.loads(line)
        attempt_id, response = str(said["custom_id"]), said.get("response")
        if response and response["status_code"] == 200:
            paid = read_envelope(orjson.dumps(response["body"]), model)
            return Answered(
                attempt_id, replace(paid, cost_usd=None if paid.cost_usd is None else paid.cost_usd * BATCH_SHARE)
            )
        return _failed(attempt_id, said.get("error"), response)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def _failed(attempt_id: str, error: Any, response: Any) -> Failed:
    if error and error.get("code"):
        return Failed(attempt_id, str(error["code"]))
    inner = (response or {}).get("body", {}).get("error") or {}
    code = str(inner.get("code") or inner.get("type") or "batch_error")
    return Failed(attempt_id, code, (response or {}).get("status_code"), inner.get("param"))


T = TypeVar("T")

JOB: Final = "feedback_job"  # the key under which the provider keeps a job's id


class PermanentlyRefused(LabellerError):
    """The same file or batch would be refused again."""


class BatchAPI:
    """The Batch API of one endpoint. Every method raises `LabellerError` where the endpoint does not do what it is asked for."""

    def __init__(self, desk: OpenAILabeller) -> None:
        self._client = desk.client
        self._retries = desk.retries

    async def check(self) -> None:
        """See that there are batches here at all, before anything is written down for one."""
        if not await self._call_with_retries(self._client.has_batches):
            raise LabellerError(f"the endpoint {self._client.url} has no Batch API; use --mode now")

    async def find(self, job_id: str) -> Any | None:
        """The batch of a job; None where there is none yet."""
        return await self._call_with_retries(lambda: self._client.find_batch(JOB, job_id))

    async def upload(self, job_id: str, lines: bytes) -> str:
        """Hand in the file of a job; returns its id."""
        return await self._call_with_retries(lambda: self._client.upload(f"{job_id}.jsonl", lines))

    async def create(self, job_id: str, file_id: str) -> Any:
        """The batch of a job, made now unless a try whose answer was lost has made it."""

        async def find_or_create() -> Any:
            made = await self._client.find_batch(JOB, job_id)
            return made or await self._client.create_batch(file_id, {JOB: job_id})

        return await self._call_with_retries(find_or_create)

    async def look(self, batch_id: str) -> Any | None:
        """A batch as it stands; None where the endpoint knows none of that name."""
        return await self._call_with_retries(lambda: self._client.batch(batch_id))

    async def read(self, file_id: str) -> bytes | None:
        """The content of a file; None where the endpoint knows none of that name."""
        return await self._call_with_retries(lambda: self._client.file(file_id))

    async def _call_with_retries(self, send: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._retries.call_with_retries(send)
        except APIError as refusal:
            for_good = action_for(refusal.status, refusal.code, None) == "give_up"
            raise (PermanentlyRefused if for_good else LabellerError)(
                f"the endpoint did not do what batches need ({refusal.code}): {refusal.message}; what was handed in goes on, "
                "run the same command again, or use --mode now"
            ) from refusal
