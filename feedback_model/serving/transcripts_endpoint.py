"""`POST /v1/transcripts`: the transcripts that a file holds, read as `feedback score` reads them; no model is asked.

A process of its own reads the file, with little memory and little time: what is made to cost its reader hours, or gigabytes,
costs this server nothing.
"""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import PurePath
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from feedback_model.serving.request_bodies import read_bytes
from feedback_model.serving.request_errors import RequestError, json_response

SECONDS: Final = 20.0
"""That reading may take, the start of its process included."""
_AT_ONCE = asyncio.Semaphore(2)
_FEW_THREADS: Final = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}


async def read_transcripts(request: Request) -> Response:
    """Answer with the transcripts of the file that is the body; the query says its `name`.

    Raises:
        RequestError: it holds none, or reading it takes too much.
    """
    name = PurePath(request.query_params.get("name", "")).name or "the file"
    body = await read_bytes(request)
    async with _AT_ONCE:
        said = await _read_apart(body, name)
    try:
        found: dict[str, Any] = orjson.loads(said)
    except orjson.JSONDecodeError:
        message = f"{name} takes more time or memory to be read than there is for it here; `feedback score` reads it"
        raise RequestError(400, message, "unreadable") from None
    if "error" in found:
        raise RequestError(400, found["error"], "no_transcript")
    return json_response(found)


async def _read_apart(body: bytes, name: str) -> bytes:
    """Return what the process that reads `body` prints: nothing where it came to no end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "feedback_model.serving.file_reader", name),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | _FEW_THREADS,
    )
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate(body)
    except TimeoutError:
        return b""
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    return said
