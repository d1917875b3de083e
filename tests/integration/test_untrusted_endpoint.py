"""An endpoint that sends elsewhere, never ends its answer or repeats the key gets nothing out of it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from feedback_model.labelling.api_errors import APIError
from feedback_model.labelling.client import Client
from feedback_model.settings import Settings

KEY = "a-key-that-nobody-else-has"


@asynccontextmanager
async def endpoint(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncGenerator[str]:
    """An endpoint on a free port that answers whatever it is asked with `answer`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


async def refusal_by(url: str, seconds: float = 60.0) -> APIError:
    client = Client(url, KEY, seconds)
    with pytest.raises(APIError) as refused:
        await client.complete(b"{}", "attempt")
    await client.close()
    return refused.value


async def test_a_redirect_is_named_not_followed() -> None:
    reached: list[web.Request] = []

    async def elsewhere(request: web.Request) -> web.Response:
        reached.append(request)
        return web.json_response({})

    async def moved(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": other})

    async with endpoint(elsewhere) as other, endpoint(moved) as url:
        refused = await refusal_by(url)
    assert (refused.action, reached) == ("configure", [])
    assert other in refused.message


async def test_the_time_limit_bounds_whole_answers() -> None:
    """Each piece comes in time; the answer never does."""

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    async with endpoint(drip) as url:
        refused = await refusal_by(url, seconds=0.4)
    assert (refused.code, refused.may_be_billed) == ("timeout", True)


async def test_a_repeated_key_is_not_shown() -> None:
    Settings(_env_file=None, OPENAI_API_KEY=f" {KEY}\n")

    async def repeat(request: web.Request) -> web.Response:
        said = request.headers["Authorization"].removeprefix("Bearer ")
        return web.json_response({"error": {"message": f"the key_{said}_is wrong", "code": said}}, status=401)

    async with endpoint(repeat) as url:
        refused = await refusal_by(url)
    assert refused.code == "***"
    assert refused.message == str(refused) == "the key_***_is wrong"
