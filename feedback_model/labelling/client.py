"""The door to the labelling endpoint: the only module that knows `openai`, which it loads when a labeller is opened.

A reply is handed on as the bytes that came; nobody here looks into it, because it must be in the ledger first.
"""

import asyncio
import importlib.util
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import orjson

from feedback_model.errors import ConfigurationError
from feedback_model.feedback import feedback_schema
from feedback_model.labelling.models import parameters_for, token_limit
from feedback_model.labelling.patience import Bounds, Patience
from feedback_model.labelling.refusals import Refusal, seconds_to_wait
from feedback_model.labelling.replies import read_envelope
from feedback_model.prompts import Message, prompt_version, render_messages
from feedback_model.records import LabellerKind, LabelSet
from feedback_model.settings import Settings
from feedback_model.store.ledger import Order, PaidReply

if TYPE_CHECKING:
    from openai import AsyncOpenAI

T = TypeVar("T")
EMBEDDED_MODEL: Final = "embedded-rubric-1"
CONNECT_SECONDS: Final = 10.0
RETIREMENT_NOTICE: Final = timedelta(days=60)  # a model that goes sooner is warned about
ANSWER_FORMAT: Final = {
    "type": "json_schema",
    "json_schema": {"name": "feedback", "strict": True, "schema": feedback_schema()},
}
_log = logging.getLogger(__name__)


class Labeller(Protocol):
    """Whoever answers orders."""

    async def ask(self, order: Order) -> PaidReply:
        """The reply to `order`, asked until it comes.

        Raises:
            Refusal: this one order cannot be answered.
            LabellerError, ConfigurationError, Interrupted: no further order should be sent.
        """
        ...


def label_set_of(kind: LabellerKind, settings: Settings) -> LabelSet:
    """The label set that a labeller's labels belong to; needs no network."""
    model = EMBEDDED_MODEL if kind == "embedded" else settings.label_model
    return LabelSet(model, prompt_version("label"))


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


@asynccontextmanager
async def open_labeller(
    kind: LabellerKind, settings: Settings, bounds: Bounds | None = None
) -> AsyncGenerator[Labeller]:
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
        client = await stack.enter_async_context(_connect(url, secret, settings.request_timeout))
        labeller = _Desk(client, label_set_of(kind, settings).label_model, Patience(url, bounds or Bounds()))
        await labeller.check_model(url)
        yield labeller


def _embedded_endpoint() -> Any:
    from feedback_model.embedded.process import serving

    return serving()


def _connect(url: str, key: str, timeout: float) -> "AsyncOpenAI":
    import openai

    # The aiohttp transport halves the CPU of a request; it is an extra of openai's.
    transport = openai.DefaultAioHttpClient() if importlib.util.find_spec("aiohttp") else None
    return openai.AsyncOpenAI(
        api_key=key,
        base_url=url,
        timeout=openai.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
        max_retries=0,  # retries are `Patience`'s; the two would multiply
        http_client=transport,
    )


class _Desk:
    """A labeller behind an OpenAI-compatible endpoint."""

    def __init__(self, client: "AsyncOpenAI", model: str, patience: Patience) -> None:
        self._client = client
        self._model = model
        self._patience = patience

    async def ask(self, order: Order) -> PaidReply:
        """See `Labeller.ask`."""
        question = _question(order)
        create: Callable[..., Awaitable[Any]] = self._client.chat.completions.with_raw_response.create
        body = await self._patience.insist(lambda: _raw_body(lambda: create(**question)))
        return read_envelope(body, order.label_model)

    async def check_model(self, url: str) -> None:
        """Look the model up once, where the endpoint lists its models.

        Raises:
            ConfigurationError: the model is not among them.
            LabellerError: the endpoint cannot be reached.
        """
        listing: Callable[..., Awaitable[Any]] = self._client.models.with_raw_response.list
        try:
            body = await self._patience.insist(
                lambda: _raw_body(lambda: listing(timeout=CONNECT_SECONDS), missing=b"{}")
            )
        except Refusal:
            return
        models = _listed(body)
        if models and self._model not in models:
            raise ConfigurationError(
                f"the endpoint {url} has no model {self._model!r}; set FEEDBACK_LABEL_MODEL to one of: "
                + ", ".join(sorted(models)[:10])
            )
        _warn_of_retirement(self._model, models.get(self._model))


def _question(order: Order) -> dict[str, Any]:
    answer_format = {} if order.purpose == "rewrite" else {"response_format": ANSWER_FORMAT}
    return {
        "model": order.label_model,
        "messages": _messages(order),
        "max_completion_tokens": token_limit(order),
        **answer_format,
        **parameters_for(order.label_model),
    }


def _messages(order: Order) -> list[Message]:
    if order.purpose != "rewrite":
        return render_messages("label", order.text)
    return render_messages("rewrite", order.text, trait=str(order.target_trait), target=str(order.target_score))


async def _raw_body(send: Callable[[], Awaitable[Any]], missing: bytes | None = None) -> bytes:
    """The body of the response, unread; `missing` stands for it where the endpoint lacks the path."""
    import openai

    try:
        return (await send()).content
    except openai.APIStatusError as error:
        if missing is not None and error.status_code in {403, 404, 405, 501}:
            return missing
        raise _refusal_of(error) from error
    except openai.APITimeoutError as error:
        raise Refusal(None, "timeout", "no answer within FEEDBACK_REQUEST_TIMEOUT") from error
    except openai.APIConnectionError as error:
        raise Refusal(None, "connection", str(error.__cause__ or error.message)) from error


def _refusal_of(error: Any) -> Refusal:
    return Refusal(
        error.status_code,
        error.code,
        error.message,
        kind=error.type,
        retry_after=seconds_to_wait(error.response.headers),
    )


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
