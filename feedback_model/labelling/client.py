"""Client of an OpenAI-compatible endpoint: the one module that imports `openai`, and only when a client is made.

Responses are handed on as the bytes that came: they must be stored before anyone reads them.
"""

import asyncio
import base64
import importlib.util
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from feedback_model.labelling.api_errors import APIError, error_within, is_redirect, seconds_to_wait
from feedback_model.masking import mask
from feedback_model.network import is_loopback, proxy_of

CONNECT_SECONDS: Final = 10.0
UPLOAD_SECONDS: Final = 600.0  # a batch's file may have 200 MB
ABSENT: Final = frozenset({403, 404, 405, 501})  # statuses of endpoints that lack a path
UNSENT: Final = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ClientConnectorError", "ConnectionTimeoutError"}
)  # errors of httpx and aiohttp before anything was sent, so nothing is billed
SILENT: Final = frozenset({"ReadTimeout", "WriteTimeout", "TimeoutException"})  # httpx's names for no answer in time
NOT_FOUND: Final = 404
_NOT_THERE: Final = frozenset({NOT_FOUND, 405, 501})  # of an endpoint that lacks the path, or the thing
GATEWAY: Final = frozenset({408, 502, 504, *range(520, 525)})  # a gateway gave up; the endpoint may have answered
ENDPOINT: Final = "/v1/chat/completions"
SLOW: Final = "no answer within FEEDBACK_REQUEST_TIMEOUT"


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A response as it came."""

    content: bytes
    headers: Mapping[str, str]
    """By lower-case name."""


class Client:
    """One endpoint with one key. Every method raises `APIError` where no answer came."""

    def __init__(self, url: str, key: str, timeout: float) -> None:
        import openai
        from httpx2 import Response  # comes with openai; cast to, it hands a response on as it came

        self.url, self.key, self._timeout = mask(url), key, timeout
        self._raw = Response
        self._api: Any = openai.AsyncOpenAI(
            api_key=key,
            **_in_parts(url),
            timeout=openai.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
            max_retries=0,  # `RetryPolicy` retries; the two would multiply
            http_client=_transport(url),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._api.close()

    async def complete(self, body: bytes, attempt_id: str) -> RawResponse:
        """Ask for a chat completion.

        Posted as bytes: the typed method checks and copies every part of the body, which takes longer than sending it.
        """
        options = {"headers": {"X-Client-Request-Id": attempt_id}}
        try:
            async with asyncio.timeout(self._timeout):  # openai's own is begun anew with each piece that arrives
                response = await _answered(
                    lambda: self._api.post("/chat/completions", cast_to=self._raw, content=body, options=options)
                )
        except TimeoutError as error:
            raise APIError(None, "timeout", SLOW, may_be_billed=True) from error
        # The client's own mapping searches all headers at each look-up.
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        if (error := error_within(response.content, headers)) is not None:
            raise error
        return RawResponse(response.content, headers)

    async def stored(self, key: str, value: str) -> bytes:
        """List the stored completions whose metadata has `key` as `value`; an empty object where none can be listed."""
        listing = self._api.chat.completions.with_raw_response.list
        return await _listed(lambda: listing(metadata={key: value}, limit=1, timeout=CONNECT_SECONDS))

    async def models(self) -> bytes:
        """List the models; an empty object where the endpoint has no list."""
        return await _listed(lambda: self._api.models.with_raw_response.list(timeout=CONNECT_SECONDS))

    async def upload(self, name: str, lines: bytes) -> str:
        """Upload the file of a batch; returns its id."""
        file = await _answered(
            lambda: self._api.files.create(file=(name, lines), purpose="batch", timeout=UPLOAD_SECONDS)
        )
        return str(file.id)

    async def create_batch(self, file_id: str, metadata: Mapping[str, str]) -> Any:
        """Create the batch that answers the requests of a file within a day."""
        create = self._api.batches.create
        return await _answered(
            lambda: create(input_file_id=file_id, endpoint=ENDPOINT, completion_window="24h", metadata=dict(metadata))
        )

    async def batch(self, batch_id: str) -> Any | None:
        """Fetch a batch; None where the endpoint has none of that id."""
        return await _known(lambda: self._api.batches.retrieve(batch_id))

    async def find_batch(self, key: str, value: str) -> Any | None:
        """Find the newest batch whose metadata has `key` as `value`; None where there is none."""

        async def search() -> Any | None:
            async for batch in self._api.batches.list(limit=100):
                if (batch.metadata or {}).get(key) == value:
                    return batch
            return None

        return await _answered(search)

    async def has_batches(self) -> bool:
        """Tell whether the endpoint has batches at all."""
        return await _known(lambda: self._api.batches.list(limit=1)) is not None

    async def file(self, file_id: str) -> bytes | None:
        """Fetch the content of a file; None where the endpoint has none of that id."""
        response = await _known(lambda: self._api.files.content(file_id, timeout=UPLOAD_SECONDS))
        return None if response is None else bytes(response.content)

    async def delete_completion(self, completion_id: str) -> None:
        """Delete a stored completion; one that the endpoint does not have is none to delete."""
        await _if_there(lambda: self._api.chat.completions.delete(completion_id, timeout=CONNECT_SECONDS))

    async def delete_file(self, file_id: str) -> None:
        """Delete a file; one that the endpoint does not have is none to delete."""
        await _if_there(lambda: self._api.files.delete(file_id, timeout=CONNECT_SECONDS))


def _in_parts(url: str) -> dict[str, Any]:
    """Take a URL apart into what `openai` wants each by itself: its path goes on, and aiohttp refuses a user beside a key."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, password = map(unquote, user.partition(":"))
    basic = base64.b64encode(f"{name}{colon or ':'}{password}".encode()).decode()
    return {
        "base_url": parts._replace(netloc=host, query="").geturl(),
        "default_query": dict(parse_qsl(parts.query)),
        "default_headers": {"Authorization": f"Basic {basic}"} if at else {},
    }


def _transport(url: str) -> Any:
    import openai

    direct: Any = dict.fromkeys(("http://", "https://", "all://")) if is_loopback(url) else None
    # The aiohttp transport halves the CPU of a request; it is an extra of openai's, and knows no SOCKS.
    is_fit = importlib.util.find_spec("aiohttp") and not (proxy_of(url) or "").startswith("socks")
    kind: Any = openai.DefaultAioHttpClient if is_fit else openai.DefaultAsyncHttpxClient
    # Transcripts and the key go where the settings say, and nowhere else.
    return kind(mounts=direct, follow_redirects=False)


async def _answered(call: Callable[[], Awaitable[Any]]) -> Any:
    """Call the endpoint; every error of `openai` comes out as an `APIError`."""
    import openai

    try:
        return await call()
    except openai.APIStatusError as error:
        raise _api_error(error) from error
    except openai.APIConnectionError as error:
        sent = _was_sent(error)
        if type(error.__cause__).__name__ in SILENT:
            raise APIError(None, "timeout", SLOW, may_be_billed=sent) from error
        raise APIError(None, "connection", str(error.__cause__ or error.message), may_be_billed=sent) from error


def _was_sent(error: Exception) -> bool:
    cause = error.__cause__
    if cause is not None and type(cause.__cause__).__module__.startswith("aiohttp"):
        cause = cause.__cause__  # openai's transport reports every broken connection of aiohttp as a ConnectTimeout
    return not UNSENT & {kind.__name__ for kind in type(cause).__mro__}


async def _known(call: Callable[[], Awaitable[Any]]) -> Any | None:
    try:
        return await _answered(call)
    except APIError as error:
        if error.status == NOT_FOUND:
            return None
        raise


async def _if_there(call: Callable[[], Awaitable[Any]]) -> None:
    try:
        await _answered(call)
    except APIError as error:
        if error.status not in _NOT_THERE:
            raise


async def _listed(call: Callable[[], Awaitable[Any]]) -> bytes:
    try:
        return (await _answered(call)).content
    except APIError as error:
        if error.status in ABSENT:
            return b"{}"
        raise


def _api_error(error: Any) -> APIError:
    target = error.response.headers.get("location", "another address")
    moved = f"it sends requests on to {target}; name that address itself if you trust it"
    return APIError(
        error.status_code,
        error.code,
        moved if is_redirect(error.status_code) else _words(error),
        kind=error.type,
        retry_after=seconds_to_wait(error.response.headers),
        headers=error.response.headers,
        parameter=error.param,
        may_be_billed=error.status_code in GATEWAY,
    )


def _words(error: Any) -> str:
    """Find what the endpoint itself says; `openai` puts its own words before that, or in its place."""
    said = error.body
    if isinstance(said, dict):
        said = said.get("message") or said.get("detail")
    is_text = isinstance(said, str) and said.strip() and not said.lstrip().startswith("<")  # no page of a gateway
    return str(said) if is_text else str(error.message)
