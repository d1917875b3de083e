"""Labeller protocol and its OpenAI-compatible implementation.

Every attempt waits its turn, is written down, and only then sent; what comes back is handed on unread.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

import orjson

from feedback_model.errors import ConfigurationError, FeedbackError
from feedback_model.labelling.api_errors import APIError
from feedback_model.labelling.attempts import AttemptLog
from feedback_model.labelling.client import Client
from feedback_model.labelling.envelopes import EnvelopeReader
from feedback_model.labelling.pricing import PriceOf, price_of
from feedback_model.labelling.prompt_versions import request_version
from feedback_model.labelling.rate_limiter import RateLimiter
from feedback_model.labelling.requests import ATTEMPT_KEY, PreparedRequest, TokenEstimator, unsupported_features
from feedback_model.labelling.responses import read_stored, usage_of
from feedback_model.labelling.retries import RetryLimits, RetryPolicy
from feedback_model.records.identifiers import content_id
from feedback_model.records.labels import Attempt, LabellerKind, LabellingConfig, LabelRequest, ReceivedResponse
from feedback_model.settings import Settings

LOOKUP_PAUSES: Final = (0.0, 0.5, 2.0)  # seconds before each look for a stored response: it may be listed late

_log = logging.getLogger(__name__)


class Labeller(Protocol):
    """A service that answers label requests."""

    limited_as: str
    """Name of endpoint and key: labellers with the same name share one rate limit."""
    envelopes: EnvelopeReader
    """Reads what responses say was used, and what that costs here."""

    async def ask(self, request: LabelRequest, attempt_log: AttemptLog) -> ReceivedResponse:
        """Ask until a response comes, every attempt written into `attempt_log` before it is sent.

        Raises:
            APIError: this one request cannot be answered.
            LabellerError, ConfigurationError, Interrupted: no further request should be sent.
        """
        ...

    async def find(self, attempt_id: str) -> bytes | None:
        """Find the response to an attempt that brought none, if the provider stored it; looks a few times.

        Raises:
            APIError: the provider does not say.
        """
        ...

    def share_limit_with(self, others: int) -> None:
        """Leave equal parts of the endpoint's limit to so many other processes."""
        ...

    def status(self) -> str:
        """Say in a few words how fast it asks and may ask."""
        ...


class OpenAILabeller:
    """A labeller behind an OpenAI-compatible endpoint."""

    def __init__(
        self,
        client: Client,
        retries: RetryPolicy,
        label_tokens: int,
        optional_features: frozenset[str] = frozenset(),
        prices: PriceOf = price_of,
    ) -> None:
        self.limited_as = content_id("limit", client.url, client.key)
        self.client = client
        self.retries = retries
        self.optional_features = set(optional_features)
        """Of `OPTIONAL_FEATURES`: asked for as long as the endpoint knows them."""
        self._rate_limiter = RateLimiter()
        self.label_tokens = label_tokens
        """The most output tokens that a label may take."""
        self.envelopes = EnvelopeReader(prices)
        self._estimator = TokenEstimator(label_tokens, prices)

    async def ask(self, request: LabelRequest, attempt_log: AttemptLog) -> ReceivedResponse:
        """See `Labeller.ask`."""
        prepared = self._estimator.prepare(request)
        return await self.retries.call_with_retries(lambda: self._attempt(prepared, attempt_log))

    async def _attempt(self, prepared: PreparedRequest, attempt_log: AttemptLog) -> ReceivedResponse:
        await self._rate_limiter.wait_turn(prepared.charged_tokens)
        self.retries.check()  # hundreds may have waited in line while the run ended
        attempt = await attempt_log.open(prepared)
        self._check_run_goes_on(attempt, attempt_log)
        features, model = frozenset(self.optional_features), prepared.request.label_model
        body = orjson.dumps(prepared.body(features, attempt.attempt_id))
        sent_at = time.monotonic()
        try:
            response = await self.client.complete(body, attempt.attempt_id)
        except APIError as error:
            found = await self._find_outcome(attempt, attempt_log, error, sent_at)
            if found is not None:
                return ReceivedResponse(prepared.request, self.envelopes.read(found, model), attempt, recovered=True)
            unsupported = unsupported_features(features, error.parameter)
            if not unsupported:
                raise
            self.give_up(unsupported, error.parameter, error.code)
            return await self._attempt(prepared, attempt_log)
        except asyncio.CancelledError:
            if "stored" not in features:  # else it stays open, and the next run looks for it at the provider
                attempt_log.close(attempt, "unknown", "cancelled")
            raise
        self._rate_limiter.note_response(response.headers, sent_at)
        paid = self.envelopes.read(response.content, model)
        self._estimator.learn(prepared, usage_of(paid))
        return ReceivedResponse(prepared.request, paid, attempt)

    def _check_run_goes_on(self, attempt: Attempt, attempt_log: AttemptLog) -> None:
        """Close an attempt that waited, for a budget, until the run had ended."""
        try:
            self.retries.check()
        except FeedbackError:
            attempt_log.close(attempt, "refused", "not_sent")
            raise

    async def _find_outcome(
        self, attempt: Attempt, attempt_log: AttemptLog, error: APIError, sent_at: float
    ) -> bytes | None:
        """Find the response to an attempt that brought none; else write its end down."""
        if error.may_be_billed:
            with suppress(APIError):
                if (body := await self.find(attempt.attempt_id)) is not None:
                    return body
        attempt_log.close(attempt, "unknown" if error.may_be_billed else "refused", error.code)
        if error.action == "wait":
            self._rate_limiter.note_refusal(error.headers, error.retry_after or 0.0, sent_at)
        return None

    def give_up(self, features: set[str], parameter: str | None, code: str) -> None:
        """Ask for these features no more: the endpoint refused a parameter of theirs."""
        if features & self.optional_features:
            _log.warning("the endpoint knows no %s (%s); labelling goes on without", parameter, code)
        self.optional_features -= features

    async def find(self, attempt_id: str) -> bytes | None:
        """See `Labeller.find`."""
        unanswered: APIError | None = None
        for pause in LOOKUP_PAUSES if "stored" in self.optional_features else ():
            await asyncio.sleep(pause)
            try:
                page, unanswered = await self.client.stored(ATTEMPT_KEY, attempt_id), None
            except APIError as error:
                unanswered = error
                continue
            if (body := read_stored(page, ATTEMPT_KEY, attempt_id)) is not None:
                return body
        if unanswered is not None:
            raise unanswered
        return None

    def share_limit_with(self, others: int) -> None:
        """See `Labeller.share_limit_with`."""
        self._rate_limiter.share_limit_with(others)

    def status(self) -> str:
        """See `Labeller.status`."""
        return self._rate_limiter.status()


EMBEDDED_MODEL: Final = "embedded-rubric-3"

RETIREMENT_NOTICE: Final = timedelta(days=60)  # a model that goes sooner is warned about


def labelling_config_of(kind: LabellerKind, settings: Settings) -> LabellingConfig:
    """Name the configuration of a labeller's labels; needs no network."""
    model = EMBEDDED_MODEL if kind == "embedded" else settings.label_model
    return LabellingConfig(model, request_version("label", model, settings.label_order))


def check_labeller(kind: LabellerKind, settings: Settings) -> None:
    """Check that a labeller can be opened at all, before looking for work.

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
    """Check that the endpoint answers and has the model; for a person who waits and wants to know at once.

    Raises:
        ConfigurationError: no key, a refused key, or an endpoint without the model.
        LabellerError: the endpoint cannot be reached.
    """

    async def look() -> None:
        async with open_labeller(kind, settings):
            pass

    if kind == "openai":  # the embedded labeller is started with the run itself
        asyncio.run(look())


@asynccontextmanager
async def open_labeller(
    kind: LabellerKind, settings: Settings, bounds: RetryLimits | None = None
) -> AsyncGenerator[OpenAILabeller]:
    """Open a labeller that is known to be there and to have the model.

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
        labeller = OpenAILabeller(
            client,
            RetryPolicy(client.url, bounds or _bounds(settings)),
            settings.label_max_tokens,
            _optional_features(kind, settings),
            partial(price_of, settings=settings),
        )
        await _check_model(labeller, labelling_config_of(kind, settings).label_model)
        yield labeller


def _bounds(settings: Settings) -> RetryLimits:
    return RetryLimits(outage=settings.label_outage, longest_wait=settings.label_longest_wait)


def _embedded_endpoint() -> Any:
    from feedback_model.demo.process import serving

    return serving()


def _optional_features(kind: LabellerKind, settings: Settings) -> frozenset[str]:
    chosen = {"stored": settings.store_completions, "soft": settings.soft_labels}
    return frozenset(name for name, is_chosen in chosen.items() if is_chosen and kind == "openai")


async def _check_model(labeller: OpenAILabeller, model: str) -> None:
    """Look the model up once, where the endpoint lists its models."""
    try:
        models = _listed(await labeller.retries.call_with_retries(labeller.client.models, open_to_all=True))
    except APIError:
        return
    labeller.retries.model_is_listed = model in models
    if models and model not in models:
        raise ConfigurationError(
            f"the endpoint {labeller.client.url} has no model {model!r}; set FEEDBACK_LABEL_MODEL to one of: "
            + ", ".join(sorted(models)[:10])
        )
    _warn_of_retirement(model, models.get(model))


def _listed(body: bytes) -> dict[str, str | None]:
    """Read each listed model's `shutdown_date`, where it has one."""
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
