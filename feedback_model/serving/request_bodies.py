"""Reading of request bodies: small, in time, and JSON; and of the texts in them."""

import asyncio
from typing import Any, Final

import orjson
from starlette.requests import ClientDisconnect, Request

from feedback_model.records.evaluation import DECODINGS, Decoding
from feedback_model.serving.request_errors import CLIENT_LEFT, RequestError
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.documents import prepare_document
from feedback_model.transcripts.raw_records import RawRecord

BODY_BYTES: Final = 1024**2
"""Most bytes of a body: sixty pieces of a transcript are some 100,000."""
BODY_SECONDS: Final = 15.0
"""Seconds within which a body must have come."""
SHOWN: Final = 60
"""Characters of a wrong value that an error repeats."""


async def read_object(request: Request, seconds: float = BODY_SECONDS) -> dict[str, Any]:
    """Return the JSON object that is a request's body.

    Raises:
        RequestError: it is too large, too slow, cut off, or no JSON object.
    """
    try:
        found = orjson.loads(await read_bytes(request, seconds))
    except orjson.JSONDecodeError as error:
        raise RequestError(400, f"the body is not JSON: {error}", "not_json") from None
    if not isinstance(found, dict):
        raise RequestError(400, f"the body is a JSON {_kind(found)}; an object is expected", "not_an_object")
    return found


async def read_bytes(request: Request, seconds: float = BODY_SECONDS) -> bytes:
    """Return a request's body.

    Raises:
        RequestError: it is too large, too slow or cut off.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _read(request)
    except TimeoutError:
        raise RequestError(408, f"the body did not come within {seconds:g} s; send it at once", "slow_body") from None
    except ClientDisconnect:
        raise RequestError(CLIENT_LEFT, "the body was cut off") from None


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            message = f"the body is larger than {BODY_BYTES // 1024**2} MiB; send less, or let `feedback score` read it"
            raise RequestError(413, message, "too_large")
    return bytes(body)


def read_decoding(body: dict[str, Any]) -> Decoding | None:
    """Return the way of decoding that a request asks for; None where it leaves that to the server.

    Raises:
        RequestError: there is no such way.
    """
    asked, known = body.get("decoding"), DECODINGS
    if asked is not None and asked not in known:
        raise RequestError(400, f"there is no decoding {shown(asked)}; use {' or '.join(known)}", param="decoding")
    return asked


def cut_text(text: str) -> tuple[str, ...]:
    """Return the pieces in which a model reads `text`, cleaned and cut as landing does it.

    Raises:
        RequestError: it cannot be judged.
    """
    document = prepare_document(RawRecord(text, "the text", ""))
    if isinstance(document, Reject):
        raise RequestError(400, f"the text cannot be judged: {document.reason}", document.code)
    return tuple(piece.text for piece in document.pieces)


def shown(value: object) -> str:
    """Return a wrong value as an error repeats it."""
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # it is nested deeper than orjson writes, though not than it reads
        text = f"a deeply nested {_kind(value)}"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _kind(value: object) -> str:
    names: dict[type, str] = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
