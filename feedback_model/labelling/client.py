"""The door to the labelling endpoint: the only module that knows `openai`, which it loads when a labeller is opened.

A reply is handed on as the bytes that came; nobody here looks into it, because it must be in the ledger first.
"""

import asyncio
import importlib.util
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from feedback_model.errors import ConfigurationError
from feedback_model.feedback import feedback_schema
from feedback_model.labelling.allowance import Allowance, count_bytes
from feedback_model.labelling.journal import Journal
from feedback_model.labelling.models import parameters_for
from feedback_model.labelling.patience import Bounds, Patience
from feedback_model.labelling.refusals import Refusal, seconds_to_wait
from feedback_model.labelling.replies import complain, read_envelope, usage_of
from feedback_model.labelling.turnstile import Turnstile
from feedback_model.prompts import Message, prompt_version, render_messages
from feedback_model.records import LabellerKind, LabelSet, content_id
from feedback_model.settings import Settings
from feedback_model.store.ledger import Order
from feedback_model.store.replies import Kept

if TYPE_CHECKING:
    from openai import AsyncOpenAI

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

    async def ask(self, order: Order, journal: Journal) -> Kept:
        """The reply to `order`, asked until it comes, every try written into `journal` before it is sent.

        Raises:
            Refusal: this one order cannot be answered.
            LabellerError, ConfigurationError, Interrupted: no further order should be sent.
        """
        ...

    limited_as: str
    """Names the endpoint and the key: whoever has the same is under the same limit."""

    def share_with(self, others: int) -> None:
        """Leave their part of the endpoint's limit to so many other processes."""
        ...

    def standing(self) -> str:
        """How fast it asks and may ask, in a few words."""
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
        self.limited_as = content_id("limit", str(client.base_url), client.api_key)
        from httpx2 import Response  # comes with openai, whose way of saying "as it came" this is

        self._client = client
        self._raw_response = Response
        self._model = model
        self._patience = patience
        self._turnstile = Turnstile()
        self._allowance = Allowance()

    async def ask(self, order: Order, journal: Journal) -> Kept:
        """See `Labeller.ask`."""
        messages = _messages(order)
        return await self._patience.insist(lambda: self._try(order, messages, journal))

    async def _try(self, order: Order, messages: list[Message], journal: Journal) -> Kept:
        n_bytes, output = count_bytes(messages), self._allowance.output(order)
        await self._turnstile.pass_through(self._allowance.prompt(n_bytes) + output)
        send = await journal.open(order, self._allowance.most_nanos(order.label_model, n_bytes, output))
        sent_at = time.monotonic()
        try:
            response = await _answered(lambda: self._create(order, messages, output, send.send_id))
        except Refusal as refusal:
            journal.close(send, "unknown" if refusal.may_be_billed else "refused", refusal.code)
            if refusal.remedy == "wait":
                self._turnstile.note_refusal(refusal.headers, refusal.retry_after or 0.0, sent_at)
            raise
        except asyncio.CancelledError:
            journal.close(send, "unknown", "cancelled")
            raise
        self._turnstile.note_reply(_plain(response.headers), sent_at)
        paid = read_envelope(response.content, order.label_model)
        self._allowance.learn(order, n_bytes, usage_of(paid))
        return Kept(order, paid, send)

    async def _create(self, order: Order, messages: list[Message], output: int, send_id: str) -> Any:
        # Posted as bytes: the typed method checks and copies every part of the question, which takes longer than sending it.
        question = _question(order, messages, output)
        post: Any = self._client.post
        return await post(
            "/chat/completions",
            cast_to=self._raw_response,
            content=orjson.dumps(question),
            options={"headers": {"X-Client-Request-Id": send_id}},
        )

    def share_with(self, others: int) -> None:
        """See `Labeller.share_with`."""
        self._turnstile.share_with(others)

    def standing(self) -> str:
        """See `Labeller.standing`."""
        return self._turnstile.standing()

    async def check_model(self, url: str) -> None:
        """Look the model up once, where the endpoint lists its models.

        Raises:
            ConfigurationError: the model is not among them.
            LabellerError: the endpoint cannot be reached.
        """
        listing: Callable[..., Awaitable[Any]] = self._client.models.with_raw_response.list
        try:
            body = await self._patience.insist(lambda: _listing(lambda: listing(timeout=CONNECT_SECONDS)))
        except Refusal:
            return
        models = _listed(body)
        if models and self._model not in models:
            raise ConfigurationError(
                f"the endpoint {url} has no model {self._model!r}; set FEEDBACK_LABEL_MODEL to one of: "
                + ", ".join(sorted(models)[:10])
            )
        _warn_of_retirement(self._model, models.get(self._model))


def _plain(headers: Any) -> dict[str, str]:
    # The client's own mapping looks through all of them at each question.
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers.raw}


def _question(order: Order, messages: list[Message], output: int) -> dict[str, Any]:
    answer_format = {} if order.purpose == "rewrite" else {"response_format": ANSWER_FORMAT}
    asked = {"model": order.label_model, "messages": messages, "max_completion_tokens": output}
    return {**asked, **answer_format, **parameters_for(order.label_model)}


def _messages(order: Order) -> list[Message]:
    if order.purpose == "rewrite":
        return render_messages("rewrite", order.text, trait=str(order.target_trait), target=str(order.target_score))
    messages = render_messages("label", order.text)
    if order.complaint is not None:
        messages.append({"role": "user", "content": complain(order.complaint)})
    return messages


async def _answered(send: Callable[[], Awaitable[Any]]) -> Any:
    """The raw response, unread.

    Raises:
        Refusal: there is none.
    """
    import openai

    try:
        return await send()
    except openai.APIStatusError as error:
        raise _refusal_of(error) from error
    except openai.APITimeoutError as error:
        raise Refusal(None, "timeout", "no answer within FEEDBACK_REQUEST_TIMEOUT", may_be_billed=True) from error
    except openai.APIConnectionError as error:
        reached = type(error.__cause__).__name__ not in {"ConnectError", "ConnectTimeout", "PoolTimeout"}
        raise Refusal(None, "connection", str(error.__cause__ or error.message), may_be_billed=reached) from error


async def _listing(send: Callable[[], Awaitable[Any]]) -> bytes:
    """The body of the response to a question that costs nothing; an empty object where the endpoint lacks the path."""
    try:
        return (await _answered(send)).content
    except Refusal as refusal:
        if refusal.status in {403, 404, 405, 501}:
            return b"{}"
        raise


def _refusal_of(error: Any) -> Refusal:
    return Refusal(
        error.status_code,
        error.code,
        error.message,
        kind=error.type,
        retry_after=seconds_to_wait(error.response.headers),
        headers=error.response.headers,
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
