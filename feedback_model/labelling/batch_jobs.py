"""Labels for the patient: handed in as batches, answered within a day, at half price. The ledger is the same, and so is the plan.

A batch is written down before it is handed in, and its name travels in the provider's metadata; so a kill at any step leaves
something that the next run finds: a prepared job without a batch is handed in, a batch nobody recorded is found by its name.
What expires, fails or is lost is wanted again.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from feedback_model.errors import LabellerError
from feedback_model.labelling.attempts import out_of_budget
from feedback_model.labelling.batch_api import (
    BATCH_SHARE,
    Answered,
    BatchAPI,
    Failed,
    PermanentlyRefused,
    read_lines,
    request_line,
)
from feedback_model.labelling.label import LABEL_HANDLER, recover_and_plan
from feedback_model.labelling.label_run import FAILURE_BUDGET, LabelCounts
from feedback_model.labelling.labeller import OpenAILabeller
from feedback_model.labelling.peers import one_at_a_time
from feedback_model.labelling.requests import (
    TokenEstimator,
    count_bytes,
    in_budget,
    messages_of,
    request_body,
    unsupported_features,
)
from feedback_model.labelling.response_handlers import apply_response, counted
from feedback_model.progress import Tracker, check_stop, track
from feedback_model.records.labels import (
    Attempt,
    AttemptOutcome,
    ClosedAttempt,
    LabellingConfig,
    LabelRequest,
    ReceivedResponse,
)
from feedback_model.settings import Settings
from feedback_model.store import label_batches, label_claims, label_requests, label_responses
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
KEPT_AT_ONCE: Final = 500  # replies in one transaction
SENSIBLE: Final = frozenset({"soft"})  # wishes that mean something in a batch, which is kept at the provider anyway
TOO_MANY: Final = "token_limit_exceeded"


async def label_in_batches(
    store: Store,
    desk: OpenAILabeller,
    labelling_config: LabellingConfig,
    settings: Settings,
    *,
    limit: int | None = None,
    again_failed: bool = False,
    budget: float | None = None,
) -> LabelCounts:
    """Buy every missing label (at most `limit`) through the Batch API, and go on with batches that were handed in before.

    Args:
        budget: as in `label_missing`.

    Raises:
        LabellingStopped: billing or the budget. LabellerError: the endpoint is down, or refuses batches as such.
        ConfigurationError, Interrupted: batches go on at the provider; a rerun collects them.
    """
    most = in_budget(budget, labelling_config.label_model)
    await BatchAPI(desk).check()
    async with one_at_a_time(store, "label batches", "labels in batches"):  # two would collect one batch twice
        plan = await recover_and_plan(store, desk, labelling_config, settings, limit, again_failed=again_failed)
        counter = _Counter(store, desk, labelling_config, most, limit, BatchAPI(desk), again_failed)
        total = plan.n_done + plan.n_wanted + sum(job.n_requests for job in await counter.open_jobs())
        return await counter.work(track("label", total, plan.n_done))


@dataclass(slots=True)
class _Counter:
    """The batches of one label set and what they came to; those of others are collected, because they are paid for."""

    store: Store
    desk: OpenAILabeller
    labelling_config: LabellingConfig
    budget: int | None
    left: int | None
    """Orders that may still be handed in; None for all."""
    batches: BatchAPI
    again: bool
    """Whether batches that the endpoint does not know are given up, and asked about anew."""
    counts: LabelCounts = field(default_factory=LabelCounts)
    job_tokens: int = MOST_TOKENS
    queue_tokens: float = float("inf")
    """Input tokens that the provider lets wait, as far as is known."""
    look: float = FIRST_LOOK
    estimator: TokenEstimator = field(init=False)

    def __post_init__(self) -> None:
        self.estimator = TokenEstimator(self.desk.label_tokens)

    async def open_jobs(self) -> list[BatchJob]:
        """Jobs that are for this endpoint and have not come to their end."""
        jobs = await asyncio.to_thread(label_batches.open_jobs, self.store, "label")
        return [job for job in jobs if job.endpoint == self.desk.client.url]

    async def work(self, tracker: Tracker) -> LabelCounts:
        """Hand in, wait and collect until nothing is wanted and nothing is under way."""
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
        orders = (
            await asyncio.to_thread(label_claims.claim_next, self.store, self.labelling_config, "label", count)
            if count
            else ()
        )
        if not orders:
            return False
        job, tries = self._fill(orders)
        admissions = await asyncio.to_thread(label_batches.prepare_job, self.store, job, tries)
        handed_in = {each.request_id for each, said in zip(tries, admissions, strict=True) if said == "sent"}
        await asyncio.to_thread(label_claims.release, self.store, [order.request_id for order in orders])
        if not handed_in and not jobs:
            raise out_of_budget(self.budget or 0, max(each.reserved for each in tries))
        self.left = None if self.left is None else self.left - len(handed_in)
        self.look = FIRST_LOOK
        return bool(handed_in)

    def _fill(self, orders: Sequence[LabelRequest]) -> tuple[BatchJob, list[Attempt]]:
        """A job with as many of `orders` as it may have tokens and bytes, and the tries it consists of."""
        job_id, tries, tokens, size = secrets.token_hex(8), list[Attempt](), 0.0, 0
        for order in orders:
            n_bytes = count_bytes(order, messages_of(order))
            needed = self.estimator.prompt(n_bytes)
            if tries and (tokens + needed > self.job_tokens or size + n_bytes > MOST_BYTES):
                break
            tokens, size = tokens + needed, size + n_bytes
            most = self.estimator.most_nanos(order.label_model, n_bytes, self.estimator.output(order)) * BATCH_SHARE
            tries.append(
                Attempt(
                    secrets.token_hex(12), order.request_id, self.labelling_config, int(most + 1), self.budget, job_id
                )
            )
        return BatchJob(job_id, self.labelling_config, "label", len(tries), int(tokens), self.desk.client.url), tries

    async def _hand_in(self, job: BatchJob) -> None:
        """Hand a prepared job in, unless it was before and only the record of it is missing."""
        batch = await self.batches.find(job.job_id)
        tries = await asyncio.to_thread(label_batches.open_tries, self.store, job)
        if batch is None and (job.labelling_config != self.labelling_config or not tries):
            # Its questions are no longer ours to write, or there are none.
            await asyncio.to_thread(self._return, job, "refused", "not_handed_in")
            return
        batch = batch or await self._make(job, tries)
        await asyncio.to_thread(label_batches.change_job, self.store, job, provider_id=str(batch.id), state="submitted")

    async def _make(self, job: BatchJob, tries: Mapping[str, tuple[Attempt, LabelRequest]]) -> Any:
        try:
            file_id = job.file_id or await self.batches.upload(job.job_id, b"".join(self._lines(tries.values())))
            await asyncio.to_thread(label_batches.change_job, self.store, job, file_id=file_id)
            return await self.batches.create(job.job_id, file_id)
        except PermanentlyRefused:
            await asyncio.to_thread(self._return, job, "refused", "batch_refused")
            raise

    def _lines(self, tries: Iterable[tuple[Attempt, LabelRequest]]) -> Iterable[bytes]:
        for send, order in tries:
            question = request_body(
                order, messages_of(order), self.estimator.output(order), self.desk.optional_features & SENSIBLE
            )
            yield request_line(send.send_id, question)

    async def _wait(self, waiting: Waiting) -> None:
        for _ in range(max(1, round(self.look / TICK))):
            await asyncio.sleep(TICK)
            check_stop()
            waiting.look()
        self.look = min(LAST_LOOK, self.look * 1.5)

    async def _look_at(self, job: BatchJob) -> int:
        """Collect a job if it has come to its end; returns how many orders are done with."""
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
        """The endpoint knows a job's batch or file no more, or not under this key: people decide which."""
        if not self.again:
            raise LabellerError(
                f"the endpoint {self.desk.client.url} knows no {what} of {job.provider_id}, in which {job.n_requests} labels "
                "were asked for; set the OPENAI_API_KEY that it was handed in with, or give it up with `feedback label --mode "
                "batch --again`, which books what it may have cost and asks anew"
            )
        await asyncio.to_thread(self._return, job, "unknown", "batch_lost")

    async def _collect(self, job: BatchJob, batch: Any) -> int:
        """Keep and read what a batch answered, and give back what it did not; a kill in between loses nothing."""
        names = [name for name in (batch.output_file_id, batch.error_file_id) if name]
        files = [await self.batches.read(name) for name in names]
        if None in files:
            await self._miss(job, "file")
            return 0
        tries = await asyncio.to_thread(label_batches.open_tries, self.store, job)
        done = 0
        for content in filter(None, files):
            async for settled in self._use(content, job.labelling_config.label_model, tries):
                done += settled
                check_stop()
        rest = [ClosedAttempt(send, "unknown", f"batch_{batch.status}") for send, _ in tries.values()]
        await asyncio.to_thread(self._finish, job, rest)
        return done

    async def _use(
        self, content: bytes, model: str, tries: dict[str, tuple[Attempt, LabelRequest]]
    ) -> AsyncGenerator[int]:
        lines = read_lines(content, model)
        while True:
            chunk = [line for line in (next(lines, None) for _ in range(KEPT_AT_ONCE)) if line is not None]
            if not chunk:
                return
            known = [(line, *tries.pop(line.send_id)) for line in chunk if line.send_id in tries]
            yield await asyncio.to_thread(self._settle, known)

    def _settle(self, known: Sequence[tuple[Answered | Failed, Attempt, LabelRequest]]) -> int:
        """Two transactions: replies are kept before anyone reads them. Returns how many orders are done with."""
        kept = [ReceivedResponse(order, line.paid, send) for line, send, order in known if isinstance(line, Answered)]
        for_good, for_now = list[ClosedAttempt](), list[ClosedAttempt]()
        for line, send, _ in known:
            if isinstance(line, Failed):
                ends = for_good if line.for_good and not self._is_a_wish(line) else for_now
                ends.append(ClosedAttempt(send, "refused", line.code))
        with self.store.write() as connection:
            ids = label_responses.store_responses(connection, kept) if kept else []
            label_batches.give_up(connection, for_good)
            n_failed = len(for_good) + label_batches.give_back(connection, for_now)
        with self.store.write() as connection:
            usable = [
                apply_response(connection, LABEL_HANDLER, counted(each.order), reply_id, each.paid.body)
                for each, reply_id in zip(kept, ids, strict=True)
            ]
        n_failed += sum(
            not use and counted(each.order).attempts >= label_requests.MAX_ANSWERS
            for each, use in zip(kept, usable, strict=True)
        )
        for each in kept:
            self.counts += LabelCounts(asked=1, cost_usd=each.paid.cost_usd)
        self.counts += LabelCounts(labelled=sum(usable), failed=n_failed)
        return sum(usable)

    def _is_a_wish(self, line: Failed) -> bool:
        """Whether a request was refused for what can be left out; it is asked again without."""
        unmet = unsupported_features(SENSIBLE, line.parameter)
        if unmet:
            self.desk.give_up(unmet, line.parameter, line.code)
        return bool(unmet)

    def _finish(self, job: BatchJob, rest: Sequence[ClosedAttempt]) -> None:
        self.counts += LabelCounts(failed=label_batches.end_job(self.store, job, "collected", rest))
        self.look = FIRST_LOOK
        if self.counts.asked >= FAILURE_BUDGET and not self.counts.labelled:
            raise LabellerError(
                f"all {self.counts.asked} answers of {self.labelling_config.label_model} were unusable, so no further batch is "
                "handed in; the replies are kept in the table reply, choose another model with FEEDBACK_LABEL_MODEL"
            )

    def _take_back(self, job: BatchJob, error: str) -> None:
        """A batch was refused as a whole: nothing of it was billed."""
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
        """Nothing came of a job: its requests are wanted again."""
        tries = label_batches.open_tries(self.store, job)
        ends = [ClosedAttempt(send, outcome, error) for send, _ in tries.values()]
        self.counts += LabelCounts(failed=label_batches.end_job(self.store, job, "failed", ends, error))


def _sizes(jobs: Sequence[BatchJob]) -> str:
    return f"{len(jobs)} under way, with {sum(job.n_requests for job in jobs)} requests"


def _error_of(batch: Any) -> str:
    data = (batch.errors.data if batch.errors else None) or []
    return f"{data[0].code}: {data[0].message}" if data else "no reason given"
