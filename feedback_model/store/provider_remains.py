"""What the provider of labels may still have about forgotten transcripts: stored completions, and the files of batches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select, update

from feedback_model.store.burial import THEIR_REQUESTS, TOMBSTONES
from feedback_model.store.connection import Store
from feedback_model.store.tables import label_attempt, label_batch, label_request, label_response

LOOKED_UP: Final = "forgotten_at_provider"
"""Code of an attempt at a forgotten text of which the provider has nothing any more."""
_THEIR_JOBS = select(label_attempt.c.job_id).where(
    label_attempt.c.request_id.in_(THEIR_REQUESTS), label_attempt.c.job_id.is_not(None)
)


@dataclass(frozen=True, slots=True)
class BatchFiles:
    """A batch at the provider that held forgotten texts."""

    job_id: str
    file_id: str
    """Of its requests."""
    provider_id: str | None
    """Of the batch, which names the files of its answers."""
    endpoint: str
    """Base URL that it was handed in at."""


def stored_responses(store: Store, label_models: Sequence[str]) -> dict[int, str]:
    """Return the responses about forgotten texts that a provider of these models may have stored: the provider's id by ours."""
    query = (
        select(label_response.c.response_id, label_response.c.provider_id)
        .join(label_request, label_request.c.request_id == label_response.c.request_id)
        .where(
            label_request.c.transcript_id.in_(TOMBSTONES),
            label_request.c.label_model.in_(label_models),
            label_response.c.provider_id.is_not(None),
        )
    )
    with store.read() as connection:
        return {row.response_id: row.provider_id for row in connection.execute(query)}


def label_models(store: Store) -> list[str]:
    """List the models that were asked for labels."""
    with store.read() as connection:
        return list(connection.execute(select(label_request.c.label_model).distinct()).scalars())


def batch_files(store: Store) -> list[BatchFiles]:
    """List the batches that held forgotten texts and whose files the provider may still have."""
    query = select(
        label_batch.c.job_id, label_batch.c.file_id, label_batch.c.provider_id, label_batch.c.endpoint
    ).where(label_batch.c.job_id.in_(_THEIR_JOBS), label_batch.c.file_id.is_not(None))
    with store.read() as connection:
        return [BatchFiles(*row) for row in connection.execute(query)]


def lost_attempts(store: Store, label_models: Sequence[str]) -> list[str]:
    """Return the attempts at forgotten texts whose end nobody knows, and whose responses a provider may have stored."""
    query = (
        select(label_attempt.c.attempt_id)
        .join(label_request, label_request.c.request_id == label_attempt.c.request_id)
        .where(
            label_request.c.transcript_id.in_(TOMBSTONES),
            label_request.c.label_model.in_(label_models),
            label_attempt.c.outcome == "unknown",
            func.coalesce(label_attempt.c.error, "") != LOOKED_UP,
        )
    )
    with store.read() as connection:
        return list(connection.execute(query).scalars())


def note_looked_up(store: Store, attempt_id: str) -> None:
    """Note that what the provider had stored of an attempt is deleted."""
    with store.write() as connection:
        looked_up = update(label_attempt).where(label_attempt.c.attempt_id == attempt_id)
        connection.execute(looked_up.values(error=LOOKED_UP))


def note_responses_gone(store: Store, response_ids: Iterable[int]) -> None:
    """Note that the provider has these responses no more."""
    with store.write() as connection:
        for response_id in response_ids:
            gone = update(label_response).where(label_response.c.response_id == response_id)
            connection.execute(gone.values(provider_id=None))


def note_files_gone(store: Store, job_id: str) -> None:
    """Note that the provider has the files of a batch no more."""
    with store.write() as connection:
        connection.execute(update(label_batch).where(label_batch.c.job_id == job_id).values(file_id=None))
