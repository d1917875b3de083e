"""Deletion of what the provider stores about forgotten transcripts: completions, and the files of batches."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from feedback_model.errors import LabellerError
from feedback_model.labelling.api_errors import APIError
from feedback_model.labelling.labeller import EMBEDDED_MODEL, OpenAILabeller, open_labeller
from feedback_model.labelling.requests import ATTEMPT_KEY
from feedback_model.progress import track
from feedback_model.settings import Settings
from feedback_model.store import provider_remains
from feedback_model.store.connection import Store
from feedback_model.store.provider_remains import BatchFiles

AT_ONCE: Final = 16
"""Deletions under way."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What a provider may still have."""

    completions: dict[int, str]
    """The provider's id of each response, by ours."""
    attempts: list[str]
    """Whose responses never came, and may be stored."""
    batches: list[BatchFiles]

    def __len__(self) -> int:
        """Count all of it."""
        return len(self.completions) + len(self.attempts) + len(self.batches)


def find_remains(store: Store) -> Remains:
    """Find what a provider may still have about forgotten transcripts."""
    models = [model for model in provider_remains.label_models(store) if model != EMBEDDED_MODEL]
    return Remains(
        provider_remains.stored_responses(store, models),
        provider_remains.lost_attempts(store, models),
        provider_remains.batch_files(store),
    )


def delete_remains(store: Store, settings: Settings) -> int:
    """Delete at the provider what it has about forgotten transcripts; returns how many things it was asked to delete.

    What is deleted is noted at once, so that a call after one that was cut off goes on there.

    Raises:
        ConfigurationError: there is no key, or it is refused.
        LabellerError: the provider does not answer or does not delete, or batches were handed in at another endpoint.
    """
    remains = find_remains(store)
    if remains:
        asyncio.run(_delete(store, settings, remains))
    elsewhere = sorted({batch.endpoint for batch in find_remains(store).batches})
    if elsewhere:
        raise LabellerError(
            f"batches were handed in at {elsewhere[0]} and lie there still; set FEEDBACK_OPENAI_BASE_URL to it, with its key, "
            "and run `feedback forget` again"
        )
    return len(remains)


async def _delete(store: Store, settings: Settings, remains: Remains) -> None:
    progress = track("delete at the provider", len(remains))
    gate = asyncio.Semaphore(AT_ONCE)
    async with open_labeller("openai", settings) as labeller:

        async def delete_completion(response_id: int, provider_id: str) -> None:
            async with gate:
                await _call(labeller, lambda: labeller.client.delete_completion(provider_id))
                await asyncio.to_thread(provider_remains.note_responses_gone, store, [response_id])
                progress.advance()

        async def delete_lost(attempt_id: str) -> None:
            async with gate:
                page = await _call(labeller, lambda: labeller.client.stored(ATTEMPT_KEY, attempt_id))
                for found in orjson.loads(page).get("data") or []:
                    await _call(labeller, lambda found=found: labeller.client.delete_completion(str(found["id"])))
                await asyncio.to_thread(provider_remains.note_looked_up, store, attempt_id)
                progress.advance()

        await asyncio.gather(*(delete_completion(*each) for each in remains.completions.items()))
        await asyncio.gather(*map(delete_lost, remains.attempts))
        for batch in remains.batches:
            if batch.endpoint == labeller.client.url:
                await _delete_batch(labeller, batch)
                await asyncio.to_thread(provider_remains.note_files_gone, store, batch.job_id)
            progress.advance()


async def _delete_batch(labeller: OpenAILabeller, batch: BatchFiles) -> None:
    name = batch.provider_id
    known = await _call(labeller, lambda: labeller.client.batch(name)) if name else None
    answers = [known.output_file_id, known.error_file_id] if known else []
    for file_id in filter(None, (batch.file_id, *answers)):
        await _call(labeller, lambda file_id=file_id: labeller.client.delete_file(file_id))


async def _call(labeller: OpenAILabeller, send: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await labeller.retries.call_with_retries(send)
    except APIError as error:
        raise LabellerError(
            f"the provider did not delete what it has ({error.code}): {error.message}; run `feedback forget` again to go on"
        ) from error
