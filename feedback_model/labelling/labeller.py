"""Whoever answers orders, and the one kind there is: a desk at an OpenAI-compatible endpoint.

Every try waits its turn, is written down, and only then sent; what comes back is handed on unread.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import orjson

from feedback_model.errors import ConfigurationError, FeedbackError
from feedback_model.labelling.api_errors import APIError
from feedback_model.labelling.attempts import AttemptLog
from feedback_model.labelling.client import Client
from feedback_model.labelling.rate_limiter import RateLimiter
from feedback_model.labelling.requests import (
    ATTEMPT_KEY,
    TokenEstimator,
    count_bytes,
    messages_of,
    request_body,
    request_version,
    unsupported_features,
)
from feedback_model.labelling.responses import read_envelope, read_stored, usage_of
from feedback_model.labelling.retries import RetryLimits, RetryPolicy
from feedback_model.prompts import Message
from feedback_model.records.identifiers import content_id
from feedback_model.records.labels import Attempt, LabellerKind, LabellingConfig, LabelRequest, ReceivedResponse
from feedback_model.settings import Settings

LOOKUP_PAUSES: Final = (0.0, 0.5, 2.0)  # seconds before each look for a stored reply: it may be listed late

_log = logging.getLogger(__name__)


class Labeller(Protocol):
    """Whoever answers orders."""

    limited_as: str
    """Names the endpoint and the key: whoever has the same is under the same limit."""

    async def ask(self, order: LabelRequest, attempt_log: AttemptLog) -> ReceivedResponse:
        """The reply to `order`, asked until it comes, every try written into `attempt_log` before it is sent.

        Raises:
            APIError: this one order cannot be answered.
            LabellerError, ConfigurationError, Interrupted: no further order should be sent.
        """
        ...

    async def find(self, send_id: str) -> bytes | None:
        """The reply to a try that brought none, if the provider kept it; asks for it a few times.

        Raises:
            APIError: the provider does not say.
        """
        ...

    def share_limit_with(self, others: int) -> None:
        """Leave their part of the endpoint's limit to so many other processes."""
        ...

    def standing(self) -> str:
        """How fast it asks and may ask, in a few words."""
        ...


class OpenAILabeller:
    """A labeller behind an OpenAI-compatible endpoint."""

    def __init__(
        self, client: Client, retries: RetryPolicy, label_tokens: int, optional_features: frozenset[str] = frozenset()
    ) -> None:
        self.limited_as = content_id("limit", client.url, client.key)
        self.client = client
        self.retries = retries
        self.optional_features = set(optional_features)
        """Of `WISHES`: what is asked for as long as the endpoint knows it."""
        self._rate_limiter = RateLimiter()
        self.label_tokens = label_tokens
        """The most output tokens that a label may take."""
        self._estimator = TokenEstimator(label_tokens)

    async def ask(self, order: LabelRequest, attempt_log: AttemptLog) -> ReceivedResponse:
        """See `Labeller.ask`."""
        messages = messages_of(order)
        return await self.retries.call_with_retries(lambda: self._try(order, messages, attempt_log))

    async def _try(self, order: LabelRequest, messages: list[Message], attempt_log: AttemptLog) -> ReceivedResponse:
        n_bytes, output = count_bytes(order, messages), self._estimator.output(order)
        await self._rate_limiter.wait_turn(self._estimator.prompt(n_bytes) + output)
        self.retries.check()  # hundreds may have waited in line while the run ended
        send = await attempt_log.open(order, self._estimator.most_nanos(order.label_model, n_bytes, output))
        self._see_that_the_run_goes_on(send, attempt_log)
        optional_features = frozenset(self.optional_features)
        question = orjson.dumps(request_body(order, messages, output, optional_features, send.send_id))
        sent_at = time.monotonic()
        try:
            reply = await self.client.complete(question, send.send_id)
        except APIError as refusal:
            body = await self._find_out_outcome(send, attempt_log, refusal, sent_at)
            if body is not None:
                return ReceivedResponse(order, read_envelope(body, order.label_model), send, reclaimed=True)
            unmet = unsupported_features(optional_features, refusal.parameter)
            if not unmet:
                raise
            self.give_up(unmet, refusal.parameter, refusal.code)
            return await self._try(order, messages, attempt_log)
        except asyncio.CancelledError:
            if "stored" not in optional_features:  # else it stays open, and the next run looks for it at the provider
                attempt_log.close(send, "unknown", "cancelled")
            raise
        self._rate_limiter.note_reply(reply.headers, sent_at)
        paid = read_envelope(reply.content, order.label_model)
        self._estimator.learn(order, n_bytes, usage_of(paid))
        return ReceivedResponse(order, paid, send)

    def _see_that_the_run_goes_on(self, send: Attempt, attempt_log: AttemptLog) -> None:
        """Writing a try down may have taken long: a budget lets it wait until others turn out cheaper."""
        try:
            self.retries.check()
        except FeedbackError:
            attempt_log.close(send, "refused", "not_sent")
            raise

    async def _find_out_outcome(
        self, send: Attempt, attempt_log: AttemptLog, refusal: APIError, sent_at: float
    ) -> bytes | None:
        """The reply to a try that brought none, if it is found after all; else its end is written down."""
        if refusal.may_be_billed:
            with suppress(APIError):
                if (body := await self.find(send.send_id)) is not None:
                    return body
        attempt_log.close(send, "unknown" if refusal.may_be_billed else "refused", refusal.code)
        if refusal.action == "wait":
            self._rate_limiter.note_refusal(refusal.headers, refusal.retry_after or 0.0, sent_at)
        return None

    def give_up(self, optional_features: set[str], parameter: str | None, code: str) -> None:
        """Ask for these no more: the endpoint refused a parameter of theirs."""
        if optional_features & self.optional_features:
            _log.warning("the endpoint knows no %s (%s); labelling goes on without", parameter, code)
        self.optional_features -= optional_features

    async def find(self, send_id: str) -> bytes | None:
        """See `Labeller.find`."""
        unsaid: APIError | None = None
        for pause in LOOKUP_PAUSES if "stored" in self.optional_features else ():
            await asyncio.sleep(pause)
            try:
                page, unsaid = await self.client.stored(ATTEMPT_KEY, send_id), None
            except APIError as refusal:
                unsaid = refusal
                continue
            if (body := read_stored(page, ATTEMPT_KEY, send_id)) is not None:
                return body
        if unsaid is not None:
            raise unsaid
        return None

    def share_limit_with(self, others: int) -> None:
        """See `Labeller.share_limit_with`."""
        self._rate_limiter.share_limit_with(others)

    def standing(self) -> str:
        """See `Labeller.standing`."""
        return self._rate_limiter.standing()


EMBEDDED_MODEL: Final = "embedded-rubric-1"

RETIREMENT_NOTICE: Final = timedelta(days=60)  # a model that goes sooner is warned about


def labelling_config_of(kind: LabellerKind, settings: Settings) -> LabellingConfig:
    """The label set that a labeller's labels belong to; needs no network."""
    model = EMBEDDED_MODEL if kind == "embedded" else settings.label_model
    return LabellingConfig(model, request_version("label", model))


def check_labeller(kind: LabellerKind, settings: Settings) -> None:
    """See that a labeller can be opened at all, before looking for work.

    Raises:
        ConfigurationError: `openai` was chosen and there is no key.
    """
    key = settings.openai_api_key
    if kind == "openai" and not (key and key.get_secret_value().strip()):
        raise ConfigurationError(
            "no OPENAI_API_KEY was found in the environment or .env; set it, "
            "or choose --labeller embedded, which needs no key and no network"
        )


def check_endpoint(kind: LabellerKind, settings: Settings) -> None:
    """See that the endpoint answers and has the model; for a person who waits and wants to know at once.

    Raises:
        ConfigurationError: no key, a refused key, or an endpoint without the model.
        LabellerError: the endpoint cannot be reached.
    """

    async def look() -> None:
        async with open_labeller(kind, settings):
            pass

    if kind == "openai":  # the embedded labeller comes up with whoever asks it
        asyncio.run(look())


@asynccontextmanager
async def open_labeller(
    kind: LabellerKind, settings: Settings, bounds: RetryLimits | None = None
) -> AsyncGenerator[OpenAILabeller]:
    """A labeller that is known to be there and to have the model.

    Raises:
        ConfigurationError: no key, a refused key, or an endpoint without the model.
        LabellerError: the endpoint cannot be reached.
    """
    check_labeller(kind, settings)
    async with AsyncExitStack() as stack:
        url, key = settings.openai_base_url, settings.openai_api_key
        if kind == "embedded":
            url = await asyncio.to_thread(stack.enter_context, _embedded_endpoint())
        secret = key.get_secret_value() if key and kind == "openai" else "none"
        client = Client(url, secret, settings.request_timeout)
        stack.push_async_callback(client.close)
        desk = OpenAILabeller(
            client,
            RetryPolicy(url, bounds or _bounds(settings)),
            settings.label_max_tokens,
            _optional_features(kind, settings),
        )
        await _check_model(desk, labelling_config_of(kind, settings).label_model)
        yield desk


def _bounds(settings: Settings) -> RetryLimits:
    return RetryLimits(outage=settings.label_outage, longest_wait=settings.label_longest_wait)


def _embedded_endpoint() -> Any:
    from feedback_model.demo.process import serving

    return serving()


def _optional_features(kind: LabellerKind, settings: Settings) -> frozenset[str]:
    wished = {"stored": settings.store_completions, "soft": settings.soft_labels}
    return frozenset(name for name, is_wished in wished.items() if is_wished and kind == "openai")


async def _check_model(desk: OpenAILabeller, model: str) -> None:
    """Look the model up once, where the endpoint lists its models."""
    try:
        models = _listed(await desk.retries.call_with_retries(desk.client.models))
    except APIError:
        return
    if models and model not in models:
        raise ConfigurationError(
            f"the endpoint {desk.client.url} has no model {model!r}; set FEEDBACK_LABEL_MODEL to one of: "
            + ", ".join(sorted(models)[:10])
        )
    _warn_of_retirement(model, models.get(model))


def _listed(body: bytes) -> dict[str, str | None]:
    """Each listed model's `shutdown_date`, where it has one."""
    try:
        data = orjson.loads(body).get("data") or []
        return {str(model["id"]): model.get("shutdown_date") for model in data}
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return {}


def _warn_of_retirement(model: str, shutdown_date: str | None) -> None:
    try:
        ends = datetime.fromisoformat(str(shutdown_date))
    except ValueError:
        return
    ends = ends if ends.tzinfo else ends.replace(tzinfo=UTC)
    if ends - datetime.now(UTC) < RETIREMENT_NOTICE:
        _log.warning(
            "the model %s will be switched off on %s; choose another with FEEDBACK_LABEL_MODEL", model, ends.date()
        )
