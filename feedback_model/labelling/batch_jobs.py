"""Label through the OpenAI Batch API: half the price, up to 24 hours.

A batch is written down before it is handed in, and its name travels in the provider's metadata; so a kill at any step leaves
something that the next run finds: a prepared job without a batch is handed in, a batch nobody recorded is found by its name.
What expires, fails or is lost is requested again.
"""

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from feedback_model.errors import LabellerError
from feedback_model.labelling.attempts import in_budget, out_of_budget
from feedback_model.labelling.batch_api import BATCH_SHARE, BatchAPI, PermanentlyRefused, request_line
from feedback_model.labelling.batch_responses import BATCH_FEATURES, apply_file
from feedback_model.labelling.label import recover_and_plan
from feedback_model.labelling.label_run import FAILURE_BUDGET, LabelCounts, record_prompt_in_force
from feedback_model.labelling.labeller import OpenAILabeller
from feedback_model.labelling.peers import one_at_a_time
from feedback_model.labelling.requests import TokenEstimator
from feedback_model.progress import Tracker, check_stop, track
from feedback_model.records.labels import (
    Attempt,
    AttemptOutcome,
    ClosedAttempt,
    LabellingConfig,
    LabelRequest,
)
from feedback_model.settings import Settings
from feedback_model.store import label_batches, label_claims
from feedback_model.store.connection import Store
from feedback_model.store.label_batches import BatchJob
from feedback_model.waiting import Waiting

MOST_REQUESTS: Final = 10_000  # in one job; the provider takes 50,000, and smaller ones come back sooner
MOST_BYTES: Final = 100_000_000  # the provider takes 200 MB
MOST_TOKENS: Final = 1_900_000  # of input in one job: OpenAI's lowest tier lets 2 million wait
FEWEST_TOKENS: Final = 5_000
FIRST_LOOK: Final = 0.5  # seconds until the first look at a batch; each next one comes later
LAST_LOOK: Final = 60.0
TICK: Final = 0.25
TOO_MANY: Final = "token_limit_exceeded"


async def label_in_batches(
    store: Store,
    labeller: OpenAILabeller,
    labelling_config: LabellingConfig,
    settings: Settings,
    *,
    limit: int | None = None,
    again_failed: bool = False,
    budget: float | None = None,
) -> LabelCounts:
    """Label what is missing (at most `limit`) through the Batch API, and go on with batches that were handed in before.

    Args:
        budget: as in `label_missing`.

    Raises:
        LabellingStopped: billing or the budget. LabellerError: the endpoint is down, or refuses batches as such.
        ConfigurationError, Interrupted: batches go on at the provider; a rerun collects them.
    """
    model = labelling_config.label_model
    budget_nanos = in_budget(budget, model, labeller.envelopes.price_of(model))
    await BatchAPI(labeller).check()
    await asyncio.to_thread(record_prompt_in_force, store, labelling_config)
    # Two would collect one batch twice.
    async with one_at_a_time(store, "label batches", "labels in batches") as held:
        plan = await recover_and_plan(held, labeller, labelling_config, settings, limit, again_failed=again_failed)
        run = _BatchRun(held, labeller, labelling_config, budget_nanos, limit, BatchAPI(labeller), again_failed)
        total = plan.n_done + plan.n_queued + sum(job.n_requests for job in await run.open_jobs())
        return await run.work(track("label", total, plan.n_done))


@dataclass(slots=True)
class _BatchRun:
    """The batches of one configuration; those of others are collected too, because they are paid for."""

    store: Store
    labeller: OpenAILabeller
    labelling_config: LabellingConfig
    budget: int | None
    left: int | None
    """Requests that may still be handed in; None for all."""
    batches: BatchAPI
    again: bool
    """True where batches that the endpoint does not have are given up, and requested anew."""
    counts: LabelCounts = field(default_factory=LabelCounts)
    job_tokens: int = MOST_TOKENS
    queue_tokens: float = float("inf")
    """Input tokens that the provider lets wait, as far as is known."""
    look: float = FIRST_LOOK
    estimator: TokenEstimator = field(init=False)

    def __post_init__(self) -> None:
        self.estimator = TokenEstimator(self.labeller.label_tokens, self.labeller.envelopes.price_of)

    async def open_jobs(self) -> list[BatchJob]:
        """Read the jobs for this endpoint that have not come to their end."""
        jobs = await asyncio.to_thread(label_batches.open_jobs, self.store, "label")
        return [job for job in jobs if job.endpoint == self.labeller.client.url]

    async def work(self, tracker: Tracker) -> LabelCounts:
        """Hand in, wait and collect until nothing is queued and nothing is under way."""
        jobs: list[BatchJob] = []
        way_out = "Ctrl-C stops this command; the batches go on, and the same command collects them later"
        waiting = Waiting("the provider to answer batches, at most 24 h each", way_out, lambda: _sizes(jobs))
        while True:
            jobs = await self.open_jobs()
            for job in jobs:
                if job.state == "prepared":
                    await self._hand_in(job)
            if await self._prepare(jobs):
                continue
            if not jobs:
                return self.counts
            await self._wait(waiting)
            for job in await self.open_jobs():
                if job.state == "submitted":
                    tracker.advance(await self._look_at(job))

    async def _prepare(self, jobs: Sequence[BatchJob]) -> bool:
        """Write the next job down, if there is something to ask and room for it in the provider's queue."""
        waiting = sum(job.input_tokens for job in jobs)
        if waiting and waiting + self.job_tokens > self.queue_tokens:
            return False
        count = MOST_REQUESTS if self.left is None else min(MOST_REQUESTS, self.left)
        requests = (
            await asyncio.to_thread(label_claims.claim_next, self.store, self.labelling_config, "label", count)
            if count
            else ()
        )
        if not requests:
            return False
        job, attempts = self._fill(requests)
        admissions = await asyncio.to_thread(label_batches.prepare_job, self.store, job, attempts)
        handed_in = {each.request_id for each, said in zip(attempts, admissions, strict=True) if said == "sent"}
        await asyncio.to_thread(label_claims.release, self.store, [request.request_id for request in requests])
        if not handed_in and not jobs:
            raise out_of_budget(self.budget or 0, max(each.reserved for each in attempts))
        self.left = None if self.left is None else self.left - len(handed_in)
        self.look = FIRST_LOOK
        return bool(handed_in)

    def _fill(self, requests: Sequence[LabelRequest]) -> tuple[BatchJob, list[Attempt]]:
        """Fill a job with as many of `requests` as it may have tokens and bytes; returns it with its attempts."""
        job_id, attempts, tokens, size = secrets.token_hex(8), list[Attempt](), 0.0, 0
        for request in requests:
            prepared = self.estimator.prepare(request)
            full = tokens + prepared.prompt_tokens > self.job_tokens or size + prepared.n_bytes > MOST_BYTES
            if attempts and full:
                break
            tokens, size = tokens + prepared.prompt_tokens, size + prepared.n_bytes
            bound, attempt_id = int(prepared.cost_bound * BATCH_SHARE + 1), secrets.token_hex(12)
            attempts.append(Attempt(attempt_id, request.request_id, self.labelling_config, bound, self.budget, job_id))
        url = self.labeller.client.url
        return BatchJob(job_id, self.labelling_config, "label", len(attempts), int(tokens), url), attempts

    async def _hand_in(self, job: BatchJob) -> None:
        """Hand a prepared job in, unless it was before and only the record of it is missing."""
        batch = await self.batches.find(job.job_id)
        attempts = await asyncio.to_thread(label_batches.open_attempts_of, self.store, job)
        if batch is None and (job.labelling_config != self.labelling_config or not attempts):
            # Its requests are no longer ours to write, or there are none.
            await asyncio.to_thread(self._return, job, "refused", "not_handed_in")
            return
        batch = batch or await self._make(job, attempts)
        await asyncio.to_thread(label_batches.change_job, self.store, job, provider_id=str(batch.id), state="submitted")

    async def _make(self, job: BatchJob, attempts: Mapping[str, tuple[Attempt, LabelRequest]]) -> Any:
        try:
            file_id = job.file_id or await self.batches.upload(job.job_id, b"".join(self._lines(attempts.values())))
            await asyncio.to_thread(label_batches.change_job, self.store, job, file_id=file_id)
            return await self.batches.create(job.job_id, file_id)
        except PermanentlyRefused:
            await asyncio.to_thread(self._return, job, "refused", "batch_refused")
            raise

    def _lines(self, attempts: Iterable[tuple[Attempt, LabelRequest]]) -> Iterable[bytes]:
        for attempt, request in attempts:
            body = self.estimator.prepare(request).body(self.labeller.optional_features & BATCH_FEATURES)
            yield request_line(attempt.attempt_id, body)

    async def _wait(self, waiting: Waiting) -> None:
        for _ in range(max(1, round(self.look / TICK))):
            await asyncio.sleep(TICK)
            check_stop()
            waiting.look()
        self.look = min(LAST_LOOK, self.look * 1.5)

    async def _look_at(self, job: BatchJob) -> int:
        """Collect a job if it has come to its end; returns how many requests are done with."""
        batch = await self.batches.look(str(job.provider_id))
        match "unknown" if batch is None else batch.status:
            case "unknown":
                await self._miss(job, "batch")
            case "completed" | "expired" | "cancelled":
                return await self._collect(job, batch)
            case "failed":
                await asyncio.to_thread(self._take_back, job, _error_of(batch))
            case _:
                pass
        return 0

    async def _miss(self, job: BatchJob, what: str) -> None:
        """Give up a batch or file that the endpoint does not know, or ask people to: it may be known under another key."""
        if not self.again:
            raise LabellerError(
                f"the endpoint {self.labeller.client.url} has no {what} of {job.provider_id}, in which {job.n_requests} labels "
                "were asked for; set the OPENAI_API_KEY that it was handed in with, or give it up with `feedback label --mode "
                "batch --again`, which books what it may have cost and asks anew"
            )
        await asyncio.to_thread(self._return, job, "unknown", "batch_lost")

    async def _collect(self, job: BatchJob, batch: Any) -> int:
        """Store and read what a batch answered, and queue the rest again; a kill in between loses nothing."""
        names = [name for name in (batch.output_file_id, batch.error_file_id) if name]
        files = [await self.batches.read(name) for name in names]
        if None in files:
            await self._miss(job, "file")
            return 0
        attempts = await asyncio.to_thread(label_batches.open_attempts_of, self.store, job)
        done = 0
        for content in filter(None, files):
            model = job.labelling_config.label_model
            async for counts in apply_file(self.store, self.labeller, content, model, attempts):
                self.counts += counts
                done += counts.labelled
                check_stop()
        rest = [ClosedAttempt(attempt, "unknown", f"batch_{batch.status}") for attempt, _ in attempts.values()]
        await asyncio.to_thread(self._finish, job, rest)
        return done

    def _finish(self, job: BatchJob, rest: Sequence[ClosedAttempt]) -> None:
        self.counts += LabelCounts(failed=label_batches.end_job(self.store, job, "collected", rest))
        self.look = FIRST_LOOK
        if self.counts.asked >= FAILURE_BUDGET and not self.counts.labelled:
            raise LabellerError(
                f"all {self.counts.asked} answers of {self.labelling_config.label_model} were unusable, so no further batch is "
                "handed in; the responses are kept in the table label_response, choose another model with FEEDBACK_LABEL_MODEL"
            )

    def _take_back(self, job: BatchJob, error: str) -> None:
        """Take back a batch that was refused as a whole: nothing of it was billed."""
        self._return(job, "refused", error)
        if not error.startswith(TOO_MANY):
            raise LabellerError(f"the endpoint refused a batch ({error}); nothing of it was paid, use --mode now")
        others = sum(each.input_tokens for each in label_batches.open_jobs(self.store, "label"))
        if others:
            self.queue_tokens = min(self.queue_tokens, others + job.input_tokens - 1)
        elif self.job_tokens <= FEWEST_TOKENS:
            raise LabellerError(
                "the endpoint lets too few tokens wait in batches for even a few requests; use --mode now"
            )
        self.job_tokens = max(FEWEST_TOKENS, self.job_tokens // 2) if not others else self.job_tokens

    def _return(self, job: BatchJob, outcome: AttemptOutcome, error: str) -> None:
        """End a job of which nothing came: its requests are queued again."""
        attempts = label_batches.open_attempts_of(self.store, job)
        ends = [ClosedAttempt(attempt, outcome, error) for attempt, _ in attempts.values()]
        self.counts += LabelCounts(failed=label_batches.end_job(self.store, job, "failed", ends, error))


def _sizes(jobs: Sequence[BatchJob]) -> str:
    return f"{len(jobs)} under way, with {sum(job.n_requests for job in jobs)} requests"


def _error_of(batch: Any) -> str:
    data = (batch.errors.data if batch.errors else None) or []
    return f"{data[0].code}: {data[0].message}" if data else "no reason given"
