"""What the Batch API is asked for, insisted on like everything else, with one sentence where it will not do it.

Knows nothing of the ledger; a job is known by its id, which travels in the provider's metadata.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from feedback_model.errors import LabellerError
from feedback_model.labelling.labeller import Desk
from feedback_model.labelling.refusals import Refusal, remedy_for

T = TypeVar("T")
JOB: Final = "feedback_job"  # the key under which the provider keeps a job's id


class RefusedForGood(LabellerError):
    """The same file or batch would be refused again."""


class BatchDesk:
    """The Batch API of one endpoint. Every method raises `LabellerError` where the endpoint does not do what it is asked for."""

    def __init__(self, desk: Desk) -> None:
        self._client = desk.client
        self._patience = desk.patience

    async def check(self) -> None:
        """See that there are batches here at all, before anything is written down for one."""
        if not await self._insist(self._client.has_batches):
            raise LabellerError(f"the endpoint {self._client.url} has no Batch API; use --mode now")

    async def find(self, job_id: str) -> Any | None:
        """The batch of a job; None where there is none yet."""
        return await self._insist(lambda: self._client.find_batch(JOB, job_id))

    async def upload(self, job_id: str, lines: bytes) -> str:
        """Hand in the file of a job; returns its id."""
        return await self._insist(lambda: self._client.upload(f"{job_id}.jsonl", lines))

    async def create(self, job_id: str, file_id: str) -> Any:
        """The batch of a job, made now unless a try whose answer was lost has made it."""

        async def find_or_create() -> Any:
            made = await self._client.find_batch(JOB, job_id)
            return made or await self._client.create_batch(file_id, {JOB: job_id})

        return await self._insist(find_or_create)

    async def look(self, batch_id: str) -> Any | None:
        """A batch as it stands; None where the endpoint knows none of that name."""
        return await self._insist(lambda: self._client.batch(batch_id))

    async def read(self, file_id: str) -> bytes | None:
        """The content of a file; None where the endpoint knows none of that name."""
        return await self._insist(lambda: self._client.file(file_id))

    async def _insist(self, send: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._patience.insist(send)
        except Refusal as refusal:
            for_good = remedy_for(refusal.status, refusal.code, None) == "give_up"
            raise (RefusedForGood if for_good else LabellerError)(
                f"the endpoint did not do what batches need ({refusal.code}): {refusal.message}; what was handed in goes on, "
                "run the same command again, or use --mode now"
            ) from refusal
