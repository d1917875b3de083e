"""Whoever answers orders, and the one kind there is: a desk at an OpenAI-compatible endpoint.

Every try waits its turn, is written down, and only then sent; what comes back is handed on unread.
"""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Final, Protocol

import orjson

from feedback_model.errors import FeedbackError
from feedback_model.labelling.allowance import Allowance
from feedback_model.labelling.client import Client
from feedback_model.labelling.journal import Journal
from feedback_model.labelling.patience import Patience
from feedback_model.labelling.questions import SEND, count_bytes, messages_of, question_of, unmet_wishes
from feedback_model.labelling.refusals import Refusal
from feedback_model.labelling.replies import read_envelope, read_stored, usage_of
from feedback_model.labelling.turnstile import Turnstile
from feedback_model.prompts import Message
from feedback_model.records import content_id
from feedback_model.store.ledger import Order
from feedback_model.store.replies import Kept
from feedback_model.store.sends import Send

LOOKS: Final = (0.0, 0.5, 2.0)  # seconds before each look for a stored reply: it may be listed late
_log = logging.getLogger(__name__)


class Labeller(Protocol):
    """Whoever answers orders."""

    limited_as: str
    """Names the endpoint and the key: whoever has the same is under the same limit."""

    async def ask(self, order: Order, journal: Journal) -> Kept:
        """The reply to `order`, asked until it comes, every try written into `journal` before it is sent.

        Raises:
            Refusal: this one order cannot be answered.
            LabellerError, ConfigurationError, Interrupted: no further order should be sent.
        """
        ...

    async def find(self, send_id: str) -> bytes | None:
        """The reply to a try that brought none, if the provider kept it; asks for it a few times.

        Raises:
            Refusal: the provider does not say.
        """
        ...

    def share_with(self, others: int) -> None:
        """Leave their part of the endpoint's limit to so many other processes."""
        ...

    def standing(self) -> str:
        """How fast it asks and may ask, in a few words."""
        ...


class Desk:
    """A labeller behind an OpenAI-compatible endpoint."""

    def __init__(
        self, client: Client, patience: Patience, label_tokens: int, wishes: frozenset[str] = frozenset()
    ) -> None:
        self.limited_as = content_id("limit", client.url, client.key)
        self.client = client
        self.patience = patience
        self.wishes = set(wishes)
        """Of `WISHES`: what is asked for as long as the endpoint knows it."""
        self._turnstile = Turnstile()
        self.label_tokens = label_tokens
        """The most output tokens that a label may take."""
        self._allowance = Allowance(label_tokens)

    async def ask(self, order: Order, journal: Journal) -> Kept:
        """See `Labeller.ask`."""
        messages = messages_of(order)
        return await self.patience.insist(lambda: self._try(order, messages, journal))

    async def _try(self, order: Order, messages: list[Message], journal: Journal) -> Kept:
        n_bytes, output = count_bytes(order, messages), self._allowance.output(order)
        await self._turnstile.pass_through(self._allowance.prompt(n_bytes) + output)
        self.patience.check()  # hundreds may have waited in line while the run ended
        send = await journal.open(order, self._allowance.most_nanos(order.label_model, n_bytes, output))
        self._see_that_the_run_goes_on(send, journal)
        wishes = frozenset(self.wishes)
        question = orjson.dumps(question_of(order, messages, output, wishes, send.send_id))
        sent_at = time.monotonic()
        try:
            reply = await self.client.complete(question, send.send_id)
        except Refusal as refusal:
            body = await self._account_for(send, journal, refusal, sent_at)
            if body is not None:
                return Kept(order, read_envelope(body, order.label_model), send, reclaimed=True)
            unmet = unmet_wishes(wishes, refusal.parameter)
            if not unmet:
                raise
            self.give_up(unmet, refusal.parameter, refusal.code)
            return await self._try(order, messages, journal)
        except asyncio.CancelledError:
            if "stored" not in wishes:  # else it stays open, and the next run looks for it at the provider
                journal.close(send, "unknown", "cancelled")
            raise
        self._turnstile.note_reply(reply.headers, sent_at)
        paid = read_envelope(reply.content, order.label_model)
        self._allowance.learn(order, n_bytes, usage_of(paid))
        return Kept(order, paid, send)

    def _see_that_the_run_goes_on(self, send: Send, journal: Journal) -> None:
        """Writing a try down may have taken long: a budget lets it wait until others turn out cheaper."""
        try:
            self.patience.check()
        except FeedbackError:
            journal.close(send, "refused", "not_sent")
            raise

    async def _account_for(self, send: Send, journal: Journal, refusal: Refusal, sent_at: float) -> bytes | None:
        """The reply to a try that brought none, if it is found after all; else its end is written down."""
        if refusal.may_be_billed:
            with suppress(Refusal):
                if (body := await self.find(send.send_id)) is not None:
                    return body
        journal.close(send, "unknown" if refusal.may_be_billed else "refused", refusal.code)
        if refusal.remedy == "wait":
            self._turnstile.note_refusal(refusal.headers, refusal.retry_after or 0.0, sent_at)
        return None

    def give_up(self, wishes: set[str], parameter: str | None, code: str) -> None:
        """Ask for these no more: the endpoint refused a parameter of theirs."""
        if wishes & self.wishes:
            _log.warning("the endpoint knows no %s (%s); labelling goes on without", parameter, code)
        self.wishes -= wishes

    async def find(self, send_id: str) -> bytes | None:
        """See `Labeller.find`."""
        unsaid: Refusal | None = None
        for pause in LOOKS if "stored" in self.wishes else ():
            await asyncio.sleep(pause)
            try:
                page, unsaid = await self.client.stored(SEND, send_id), None
            except Refusal as refusal:
                unsaid = refusal
                continue
            if (body := read_stored(page, SEND, send_id)) is not None:
                return body
        if unsaid is not None:
            raise unsaid
        return None

    def share_with(self, others: int) -> None:
        """See `Labeller.share_with`."""
        self._turnstile.share_with(others)

    def standing(self) -> str:
        """See `Labeller.standing`."""
        return self._turnstile.standing()
