"""API errors and the action each calls for: by `error.code` first, by the HTTP status where there is none. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import orjson

from feedback_model.masking import mask

Action = Literal["wait", "retry", "stop", "configure", "give_up", "suspect"]
"""wait: a limit, ask again when it has passed · retry: a fault, ask again soon · stop: billing, no request can
succeed · configure: key or model is wrong · give_up: this one request cannot be answered · suspect: the same, unless others
are refused likewise, which is of key, model or path."""

BILLING: Final = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "billing_not_active",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "budget_exceeded",
    }
)
TOO_LARGE: Final = frozenset({"context_length_exceeded", "request_too_large"})
LIMITS: Final = frozenset({"rate_limit_exceeded", "slow_down", "server_is_overloaded"})
WRONG_SETTINGS: Final = frozenset({"invalid_api_key", "model_not_found", "unsupported_country_region_territory"})
TRANSIENT_STATUS: Final = frozenset({408, 409, 425})
PAYMENT_REQUIRED: Final = 402
UNAUTHORIZED: Final = 401
CONTENT_TOO_LARGE: Final = 413
BAD_GATEWAY: Final = 502  # what an error under HTTP 200 counts as that names no status
LONGEST_MESSAGE: Final = 300  # characters; some endpoints send a page, or the whole request back

# OpenAI sends the code of a passing limit where a single request is larger than the limit, and can never pass.
_LARGER_THAN_THE_LIMIT: Final = re.compile("request too large", re.IGNORECASE)


class APIError(Exception):
    """One request that the endpoint did not answer. Never leaves the labelling package."""

    def __init__(
        self,
        status: int | None,
        code: str | None,
        message: str,
        kind: str | None = None,
        retry_after: float | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        parameter: str | None = None,
        may_be_billed: bool = False,
    ) -> None:
        self.message = shorten(message)
        """The endpoint's own words: one line, without passwords and keys."""
        super().__init__(self.message)
        self.status = status
        """HTTP status; None where no response came at all."""
        self.code = mask(_name(code) or _name(kind) or ("no_response" if status is None else f"http_{status}"))
        self.retry_after = retry_after
        """Seconds the endpoint asks us to wait; None where it does not say."""
        self.headers: Mapping[str, str] = headers or {}
        self.parameter = parameter
        """`error.param`: the refused part of the request, where that is said."""
        self.may_be_billed = may_be_billed
        """True where an answer may have been made and charged that never reached us."""
        self.action: Action = action_for(status, code, kind, message)
        self.for_good = is_for_good(self.action)
        """True where the same request would be refused again; stays when `RetryPolicy` gives a fault up."""


def action_for(status: int | None, code: str | None, kind: str | None, message: str = "") -> Action:
    """Choose the action that an error calls for.

    Args:
        status: HTTP status; None where no response came.
        code: `error.code` of the body.
        kind: `error.type` of the body.
        message: `error.message` of the body.
    """
    named = {code, kind}
    if named & BILLING or status == PAYMENT_REQUIRED:
        return "stop"
    if named & TOO_LARGE or status == CONTENT_TOO_LARGE or _LARGER_THAN_THE_LIMIT.search(message):
        return "give_up"
    if named & LIMITS or status == 429:
        return "wait"
    is_wrong_for_all = bool(named & WRONG_SETTINGS) or is_redirect(status)
    if is_wrong_for_all or status in {UNAUTHORIZED, 403, 404}:
        return "configure" if is_wrong_for_all else "suspect"
    if status is None or status >= 500 or status in TRANSIENT_STATUS:
        return "retry"
    return "give_up"


def is_redirect(status: int | None) -> bool:
    """Tell whether the endpoint sends requests on to another address."""
    return status is not None and 300 <= status < 400


def is_for_good(action: Action) -> bool:
    """Tell whether an action is that of a request which would be refused again."""
    return action in {"give_up", "suspect"}


def shorten(message: str) -> str:
    """Write what an endpoint says as one line of bounded length, without passwords and keys."""
    line = " ".join(mask(message).replace("\x00", "").split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"


def _name(code: str | None) -> str | None:
    """Return a code that names something; some endpoints repeat the status there."""
    return None if code is None or code.isdecimal() else code


def error_within(body: bytes, headers: Mapping[str, str] | None = None) -> APIError | None:
    """Read the error that some endpoints send under HTTP 200; None where there is an answer, or one that was charged."""
    if b'"error"' not in body:  # most bodies; reading all of them twice would take long
        return None
    try:
        envelope: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(envelope, dict) or envelope.get("choices") or _is_charged(envelope.get("usage")):
        return None
    return read_error(envelope.get("error"), None, headers)


def _is_charged(usage: Any) -> bool:
    return isinstance(usage, dict) and any(isinstance(count, int) and count for count in usage.values())


def read_error(error: Any, status: int | None, headers: Mapping[str, str] | None = None) -> APIError | None:
    """Read the `error` of a body, whose code may be the status where that says nothing; None where there is no error."""
    if not error:
        return None
    told: dict[str, Any] = error if isinstance(error, dict) else {"message": error}
    code, kind, parameter = (str(told[key]) if told.get(key) else None for key in ("code", "type", "param"))
    status = status or (int(code) if code and re.fullmatch("[45][0-9]{2}", code) else BAD_GATEWAY)
    message, wait = str(told.get("message") or error), seconds_to_wait(headers or {})
    return APIError(status, code, message, kind, wait, headers=headers, parameter=parameter)


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Read the wait that `retry-after-ms` or `Retry-After` (in seconds) asks for; None where neither can be read."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
    return None
