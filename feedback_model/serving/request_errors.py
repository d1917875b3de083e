"""Refusals of requests, in the shape in which OpenAI's API has them."""

from typing import Final

import orjson
from starlette.responses import Response

from feedback_model.errors import FeedbackError

_KINDS: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
CLIENT_LEFT: Final = 499
"""Status of a request whose client left before its answer; as nginx counts them, and never sent."""


class RequestError(FeedbackError):
    """A request that is not answered as asked, in one sentence."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        *,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        """Refuse with an HTTP `status`.

        Args:
            code: a word for programs.
            param: the field of the request that is wrong.
            retry_after: seconds after which the same request may be answered.
        """
        super().__init__(message)
        self.status, self.code, self.param, self.retry_after = status, code, param, retry_after

    def content(self) -> dict[str, object]:
        """Return the error as JSON has it."""
        kind = _KINDS.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        """Return the error as it is sent."""
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return json_response(self.content(), self.status, headers)


def json_response(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return `content` as a JSON response, which no cache keeps."""
    kept = {"cache-control": "no-store"} | (headers or {})
    return Response(orjson.dumps(content), status, kept, media_type="application/json")
