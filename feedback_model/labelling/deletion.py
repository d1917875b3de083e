"""Deletion of what the provider stores: completions, and the files of batches."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from feedback_model.errors import LabellerError
from feedback_model.labelling.api_errors import APIError
from feedback_model.labelling.labeller import EMBEDDED_MODEL, OpenAILabeller, open_labeller
from feedback_model.progress import track
from feedback_model.settings import Settings
from feedback_model.store import provider_remains
from feedback_model.store.connection import Store
from feedback_model.store.provider_remains import BatchFiles

AT_ONCE: Final = 16
"""Deletions under way."""


def remains(store: Store) -> tuple[dict[int, str], list[BatchFiles]]:
    """List what a provider may still have about forgotten transcripts: completions (its id by ours), and batches."""
    models = [model for model in provider_remains.label_models(store) if model != EMBEDDED_MODEL]
    return provider_remains.stored_responses(store, models), provider_remains.batch_files(store)


def delete_remains(store: Store, settings: Settings) -> int:
    """Delete at the provider what it has about forgotten transcripts; returns how many things it was asked to delete.

    What is deleted is noted at once, so that a call after one that was cut off goes on there.

    Raises:
        ConfigurationError: there is no key, or it is refused.
        LabellerError: the provider does not answer, or does not delete.
    """
    completions, batches = remains(store)
    if completions or batches:
        asyncio.run(_delete(store, settings, completions, batches))
    return len(completions) + len(batches)


async def _delete(store: Store, settings: Settings, completions: dict[int, str], batches: list[BatchFiles]) -> None:
    progress = track("delete at the provider", len(completions) + len(batches))
    gate = asyncio.Semaphore(AT_ONCE)
    async with open_labeller("openai", settings) as labeller:

        async def delete_completion(response_id: int, provider_id: str) -> None:
            async with gate:
                await _call(labeller, lambda: labeller.client.delete_completion(provider_id))
                await asyncio.to_thread(provider_remains.note_responses_gone, store, [response_id])
                progress.advance()

        async def delete_batch(batch: BatchFiles) -> None:
            for file_id in await _files_of(labeller, batch):
                await _call(labeller, lambda file_id=file_id: labeller.client.delete_file(file_id))
            await asyncio.to_thread(provider_remains.note_files_gone, store, batch.job_id)
            progress.advance()

        await asyncio.gather(*(delete_completion(*each) for each in completions.items()))
        for batch in batches:
            await delete_batch(batch)


async def _files_of(labeller: OpenAILabeller, batch: BatchFiles) -> list[str]:
    name = batch.provider_id
    known = await _call(labeller, lambda: labeller.client.batch(name)) if name else None
    answers = [known.output_file_id, known.error_file_id] if known else []
    return [each for each in (batch.file_id, *answers) if each]


async def _call(labeller: OpenAILabeller, send: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await labeller.retries.call_with_retries(send)
    except APIError as error:
        raise LabellerError(
            f"the provider did not delete what it has ({error.code}): {error.message}; run `feedback forget` again to go on"
        ) from error
