"""Attempt log of a run: every attempt is written down before it is sent, every response before it is read."""

import asyncio
import logging
import secrets
from dataclasses import dataclass
from typing import Final

from feedback_model.errors import ConfigurationError, LabellingStopped
from feedback_model.labelling.pricing import Price
from feedback_model.labelling.requests import PreparedRequest
from feedback_model.progress import check_stop
from feedback_model.records.labels import (
    Attempt,
    AttemptOutcome,
    ClosedAttempt,
    LabellingConfig,
    ReceivedResponse,
)
from feedback_model.store import label_attempts, label_responses
from feedback_model.store.writer import Writer
from feedback_model.waiting import Waiting

POLL: Final = 0.1  # seconds between looks at whether attempts under way came out cheaper than feared
_log = logging.getLogger(__name__)


def in_budget(dollars: float | None, model: str, price: Price | None) -> int | None:
    """Convert a budget in USD to billionths of a dollar; None without one, and where the model costs nothing, which is told.

    Raises:
        ConfigurationError: the model has no known price, so that no budget could be kept.
    """
    if dollars is None:
        return None
    if price is None:
        raise ConfigurationError(
            f"the price of {model!r} is not known here, so a budget of {dollars:.2f} USD cannot be kept; leave --budget out, "
            "or set FEEDBACK_LABEL_PRICE to its USD per million tokens as prompt/cached/completion, such as 0.15/0.075/0.60"
        )
    if price.is_free:
        _log.warning("%s costs nothing (%s), so the budget of %.2f USD bounds nothing", model, price.origin, dollars)
        return None
    return label_attempts.in_nanos(dollars, int)


@dataclass(frozen=True, slots=True)
class AttemptLog:
    """The log of one run, which commits through one writer and keeps its budget."""

    writer: Writer
    budget: int | None = None
    """What the configuration may cost in all, in billionths of a dollar; None without a budget."""

    async def open(self, prepared: PreparedRequest) -> Attempt:
        """Write an attempt down, at the most that it may cost; only then may it be sent.

        Raises:
            LabellingStopped: it could exceed the budget, and nothing is under way that may soon turn out cheaper.
            Interrupted: a stop was requested while it waited for that.
        """
        request, bound = prepared.request, prepared.cost_bound
        labelling_config = LabellingConfig(request.label_model, request.prompt_version)
        way_out = "give a higher --budget, or stop with Ctrl-C; what is paid for is kept"
        waiting = Waiting("answers under way, whose cost decides whether the budget has room for more", way_out)
        attempt = Attempt(secrets.token_hex(12), request.request_id, labelling_config, bound, self.budget)
        while (admission := await self.writer.commit(label_attempts.open_attempts, attempt)) == "wait":
            check_stop()
            waiting.look()
            await asyncio.sleep(POLL)
        if admission == "over":
            raise out_of_budget(self.budget or 0, bound)
        return attempt

    def close(self, attempt: Attempt, outcome: AttemptOutcome, error: str) -> None:
        """Write down that an attempt brought no response; nobody waits for that."""
        self.writer.post(label_attempts.close_attempts, ClosedAttempt(attempt, outcome, error))

    async def keep(self, received: ReceivedResponse) -> int:
        """Commit a response and return its id; only then may it be read."""
        return await self.writer.commit(label_responses.store_responses, received)


def out_of_budget(budget: int, most: int) -> LabellingStopped:
    """Explain why no further request is sent, where one may cost `most` billionths of a dollar."""
    return LabellingStopped(
        f"the budget of {budget / label_attempts.NANOS:.2f} USD leaves no room for another request that may cost "
        f"{most / label_attempts.NANOS:.6f}, with what batches under way and attempts of unknown end may have cost; "
        "what is paid for is kept, give a higher --budget to go on"
    )
