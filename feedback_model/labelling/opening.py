"""Opening a labeller: which endpoint, with which key, and whether it has the model, before anything is asked."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from feedback_model.errors import ConfigurationError
from feedback_model.labelling.client import Client
from feedback_model.labelling.labeller import Desk
from feedback_model.labelling.patience import Bounds, Patience
from feedback_model.labelling.questions import question_version
from feedback_model.labelling.refusals import Refusal
from feedback_model.records import LabellerKind, LabelSet
from feedback_model.settings import Settings

EMBEDDED_MODEL: Final = "embedded-rubric-1"
RETIREMENT_NOTICE: Final = timedelta(days=60)  # a model that goes sooner is warned about
_log = logging.getLogger(__name__)


def label_set_of(kind: LabellerKind, settings: Settings) -> LabelSet:
    """The label set that a labeller's labels belong to; needs no network."""
    model = EMBEDDED_MODEL if kind == "embedded" else settings.label_model
    return LabelSet(model, question_version("label", model))


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
async def open_labeller(kind: LabellerKind, settings: Settings, bounds: Bounds | None = None) -> AsyncGenerator[Desk]:
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
        desk = Desk(
            client, Patience(url, bounds or _bounds(settings)), settings.label_max_tokens, _wishes(kind, settings)
        )
        await _check_model(desk, label_set_of(kind, settings).label_model)
        yield desk


def _bounds(settings: Settings) -> Bounds:
    return Bounds(outage=settings.label_outage, longest_wait=settings.label_longest_wait)


def _embedded_endpoint() -> Any:
    from feedback_model.embedded.process import serving

    return serving()


def _wishes(kind: LabellerKind, settings: Settings) -> frozenset[str]:
    wished = {"stored": settings.store_completions, "soft": settings.soft_labels}
    return frozenset(name for name, is_wished in wished.items() if is_wished and kind == "openai")


async def _check_model(desk: Desk, model: str) -> None:
    """Look the model up once, where the endpoint lists its models."""
    try:
        models = _listed(await desk.patience.insist(desk.client.models))
    except Refusal:
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
