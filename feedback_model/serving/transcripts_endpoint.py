"""`POST /v1/transcripts`: the transcripts that a file holds, read as `feedback score` reads them; no model is asked."""

import io
from itertools import islice
from pathlib import PurePath
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from feedback_model.serving.request_bodies import read_bytes
from feedback_model.serving.request_errors import RequestError, json_response
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.reading_options import Assumptions
from feedback_model.transcripts.sources import read_stream

MOST: Final = 20
"""Transcripts that are read of one file; `feedback score` reads any number."""


async def read_transcripts(request: Request) -> Response:
    """Answer with the transcripts of the file that is the body; the query says its `name`.

    Raises:
        RequestError: it holds none.
    """
    name = PurePath(request.query_params.get("name", "")).name or "the file"
    body = await read_bytes(request)
    return json_response(await run_in_threadpool(_read, body, name))


def _read(body: bytes, name: str) -> dict[str, Any]:
    assumptions = Assumptions()
    found = list(islice(read_stream(io.BytesIO(body), name, assumptions=assumptions), MOST + 1))
    read = [each for each in found if not isinstance(each, Reject)]
    if not read:
        reason = next((f": {each.reason}" for each in found if isinstance(each, Reject)), "")
        raise RequestError(400, f"{name} holds no transcript{reason}", "no_transcript")
    transcripts = [{"text": each.text, "document": each.document, "speaker": each.speaker} for each in read[:MOST]]
    return {"transcripts": transcripts, "more": len(found) > MOST, "notes": assumptions.sentences()}
