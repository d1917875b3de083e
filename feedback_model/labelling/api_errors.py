"""API errors and the action each calls for: by `error.code` first, by the HTTP status where there is none. Pure."""

from collections.abc import Mapping
from typing import Final, Literal

from feedback_model.masking import mask

Action = Literal["wait", "retry", "stop", "configure", "give_up"]
"""wait: a limit, ask again when it has passed · retry: a fault, ask again soon · stop: billing, no request can
succeed · configure: key or model is wrong · give_up: this one request cannot be answered."""

BILLING: Final = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "billing_not_active",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)
LIMITS: Final = frozenset({"rate_limit_exceeded", "slow_down", "server_is_overloaded"})
WRONG_SETTINGS: Final = frozenset({"invalid_api_key", "model_not_found", "unsupported_country_region_territory"})
TRANSIENT_STATUS: Final = frozenset({408, 409, 425})


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
        super().__init__(mask(message))
        self.status = status
        """HTTP status; None where no response came at all."""
        self.code = mask(code or kind or ("no_response" if status is None else f"http_{status}"))
        self.message = mask(message)  # an endpoint may repeat the key that it was sent
        self.retry_after = retry_after
        """Seconds the endpoint asks us to wait; None where it does not say."""
        self.headers: Mapping[str, str] = headers or {}
        self.parameter = parameter
        """`error.param`: the refused part of the request, where that is said."""
        self.may_be_billed = may_be_billed
        """True where an answer may have been made and charged that never reached us."""
        self.action: Action = action_for(status, code, kind)


def action_for(status: int | None, code: str | None, kind: str | None) -> Action:
    """Choose the action that an error calls for.

    Args:
        status: HTTP status; None where no response came.
        code: `error.code` of the body.
        kind: `error.type` of the body.
    """
    named = {code, kind}
    if named & BILLING:
        return "stop"
    if named & LIMITS or status == 429:
        return "wait"
    if named & WRONG_SETTINGS or status in {401, 403, 404} or is_redirect(status):
        return "configure"
    if status is None or status >= 500 or status in TRANSIENT_STATUS:
        return "retry"
    return "give_up"


def is_redirect(status: int | None) -> bool:
    """Tell whether the endpoint sends requests on to another address."""
    return status is not None and 300 <= status < 400


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Read the wait that `retry-after-ms` or `Retry-After` (in seconds) asks for; None where neither can be read."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
    return None
