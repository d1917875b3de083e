"""Batch jobs, written down before anything is handed in, so that none can be orphaned.

While a job is open, its requests are claimed by no process: none has to live for it, and none may ask for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from feedback_model.records.labels import Attempt, ClosedAttempt, LabellingConfig, LabelRequest, Purpose
from feedback_model.store.clock import DatabaseNow, now
from feedback_model.store.connection import Store
from feedback_model.store.label_attempts import Admission, close_attempts, open_attempts
from feedback_model.store.label_claims import requests_of
from feedback_model.store.label_requests import MAX_ANSWERS, chunks
from feedback_model.store.tables import label_attempt, label_batch, label_request

MAX_REFUSALS: Final = 5  # times that batches may fail to answer one request before it is set aside
JobState = Literal["prepared", "submitted", "collected", "failed"]


@dataclass(frozen=True, slots=True)
class BatchJob:
    """Many requests handed in at once."""

    job_id: str
    labelling_config: LabellingConfig
    purpose: Purpose
    n_requests: int
    input_tokens: int
    """Estimated."""
    endpoint: str
    """Base URL that it is for."""
    file_id: str | None = None
    provider_id: str | None = None
    state: JobState = "prepared"


def prepare_job(store: Store, job: BatchJob, attempts: Sequence[Attempt]) -> list[Admission]:
    """Write a job down with those `attempts`, claimed by this process, that their budget allows; says which those are.

    Where none is, nothing is written.
    """
    with store.write() as connection:
        row = {"job_id": job.job_id, "label_model": job.labelling_config.label_model, "purpose": job.purpose}
        row |= {
            "prompt_version": job.labelling_config.prompt_version,
            "created_at": now(),
            "n_requests": job.n_requests,
        }
        row |= {"input_tokens": job.input_tokens, "endpoint": job.endpoint, "state": "prepared"}
        connection.execute(insert(label_batch), [row])
        admissions = open_attempts(connection, attempts)
        admitted = [
            each.request_id for each, admission in zip(attempts, admissions, strict=True) if admission == "sent"
        ]
        for chunk in chunks(admitted):
            connection.execute(
                update(label_request).where(label_request.c.request_id.in_(chunk)).values(claimed_by=None)
            )
        if admitted:
            _change(connection, job.job_id, n_requests=len(admitted))
        else:
            connection.execute(delete(label_batch).where(label_batch.c.job_id == job.job_id))
    return admissions


def open_jobs(store: Store, purpose: Purpose) -> list[BatchJob]:
    """Read the jobs that are prepared or handed in, of every labelling configuration, the oldest first."""
    query = (
        select(label_batch)
        .where(label_batch.c.purpose == purpose, label_batch.c.state.in_(("prepared", "submitted")))
        .order_by(label_batch.c.created_at, label_batch.c.job_id)
    )
    with store.read() as connection:
        return [
            BatchJob(
                row.job_id,
                LabellingConfig(row.label_model, row.prompt_version),
                purpose,
                row.n_requests,
                row.input_tokens,
                row.endpoint,
                row.file_id,
                row.provider_id,
                row.state,
            )
            for row in connection.execute(query)
        ]


def change_job(
    store: Store,
    job: BatchJob,
    *,
    file_id: str | None = None,
    provider_id: str | None = None,
    state: JobState | None = None,
) -> None:
    """Write down how far a job has come; what is None stays as it is."""
    changes = {"file_id": file_id, "provider_id": provider_id, "state": state}
    with store.write() as connection:
        _change(connection, job.job_id, **{name: value for name, value in changes.items() if value is not None})


def end_job(
    store: Store, job: BatchJob, state: JobState, closings: Sequence[ClosedAttempt], error: str | None = None
) -> int:
    """End a job, and those of its attempts that brought no response; returns how many of their requests failed for good."""
    with store.write() as connection:
        _change(connection, job.job_id, **{"state": state} | ({} if error is None else {"error": error}))
        return give_back(connection, closings)


def _change(connection: Connection, job_id: str, **values: str | int) -> None:
    connection.execute(update(label_batch).where(label_batch.c.job_id == job_id).values(**values))


def open_attempts_of(store: Store, job: BatchJob) -> dict[str, tuple[Attempt, LabelRequest]]:
    """Read the open attempts of a job, each with its request, by the attempt's id."""
    query = select(label_attempt).where(label_attempt.c.job_id == job.job_id, label_attempt.c.outcome == "open")
    with store.read() as connection:
        rows = connection.execute(query).all()
        names = (row.request_id for row in rows)
        requests = {
            request.request_id: request for chunk in chunks(names) for request in requests_of(connection, chunk)
        }
    return {
        row.attempt_id: (
            Attempt(row.attempt_id, row.request_id, job.labelling_config, row.reserved_nanos, None, job.job_id),
            requests[row.request_id],
        )
        for row in rows
    }


def give_back(connection: Connection, closings: Sequence[ClosedAttempt]) -> int:
    """Close attempts that brought no response, and queue their requests again or, after too many, set them aside as failed.

    Returns how many failed.
    """
    close_attempts(connection, closings)
    n_failed = 0
    for chunk in chunks(each.attempt.request_id for each in closings):
        ours = and_(label_request.c.request_id.in_(chunk), label_request.c.state == "claimed")
        # The others were refused as a whole.
        answered_jobs = select(label_batch.c.job_id).where(label_batch.c.state != "failed")
        refused = select(func.count()).where(
            label_attempt.c.request_id == label_request.c.request_id,
            label_attempt.c.outcome == "refused",
            label_attempt.c.job_id.in_(answered_jobs),
        )
        spent = or_(label_request.c.attempts >= MAX_ANSWERS, refused.scalar_subquery() >= MAX_REFUSALS)
        failing = (
            update(label_request)
            .where(ours, spent)
            .values(state="failed", error="batch_error", updated_at=DatabaseNow())
        )
        n_failed += connection.execute(failing).rowcount
        connection.execute(update(label_request).where(ours).values(state="queued", updated_at=DatabaseNow()))
    return n_failed


def give_up(connection: Connection, closings: Sequence[ClosedAttempt]) -> None:
    """Close attempts that would be refused again, and set their requests aside with the reason."""
    close_attempts(connection, closings)
    for each in closings:
        asked = and_(label_request.c.request_id == each.attempt.request_id, label_request.c.state == "claimed")
        failed = {"state": "failed", "error": each.error, "detail": each.detail, "updated_at": DatabaseNow()}
        connection.execute(update(label_request).where(asked).values(failed))
