"""What one run writes down of its requests: every try before it is sent, every reply before it is read.

Joins the writer that commits, the money that may be spent and the lines that are written. Knows nothing of HTTP.
"""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Final

from feedback_model.errors import LabellingStopped
from feedback_model.progress import check_stop
from feedback_model.records.labels import (
    Attempt,
    AttemptOutcome,
    ClosedAttempt,
    LabellingConfig,
    LabelRequest,
    ReceivedResponse,
)
from feedback_model.store import label_attempts, label_responses
from feedback_model.store.writer import Writer
from feedback_model.waiting import Waiting

POLL: Final = 0.1  # seconds between looks at whether tries under way came out cheaper than feared


@dataclass(frozen=True, slots=True)
class AttemptLog:
    """The ledger as requests write to it."""

    writer: Writer
    budget: int | None = None
    """What the label set may cost in all, in billionths of a dollar; None without a budget."""

    async def open(self, order: LabelRequest, most: int) -> Attempt:
        """Write down a try that will cost `most` billionths of a dollar at the most; only then may it be sent.

        Raises:
            LabellingStopped: it could exceed the budget, and nothing is under way that may soon turn out cheaper.
            Interrupted: a stop was requested while it waited for that.
        """
        labelling_config = LabellingConfig(order.label_model, order.prompt_version)
        way_out = "give a higher --budget, or stop with Ctrl-C; what is paid for is kept"
        waiting = Waiting("answers under way, whose cost decides whether the budget has room for more", way_out)
        send = Attempt(secrets.token_hex(12), order.request_id, labelling_config, most, self.budget)
        while (admission := await self.writer.commit(label_attempts.open_attempts, send)) == "wait":
            check_stop()
            waiting.look()
            await asyncio.sleep(POLL)
        if admission == "over":
            raise out_of_budget(self.budget or 0, most)
        return send

    def close(self, send: Attempt, outcome: AttemptOutcome, error: str) -> None:
        """Write down that a try brought no reply; nobody waits for that."""
        self.writer.post(label_attempts.close_attempts, ClosedAttempt(send, outcome, error))

    async def keep(self, kept: ReceivedResponse) -> int:
        """The id of a reply, once it is committed; only then may it be read."""
        return await self.writer.commit(label_responses.store_responses, kept)


def out_of_budget(budget: int, most: int) -> LabellingStopped:
    """Why no further request is sent, where one may cost `most` billionths of a dollar."""
    return LabellingStopped(
        f"the budget of {budget / label_attempts.NANOS:.2f} USD leaves no room for another request that may cost "
        f"{most / label_attempts.NANOS:.6f}, with what batches under way and tries of unknown end may have cost; "
        "what is paid for is kept, give a higher --budget to go on"
    )
