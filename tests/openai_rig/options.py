"""Everything the stand-in can be told to do; the default does nothing wrong."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Options:
    """Rates are shares of requests, 0 to 1; times are seconds."""

    requests_per_minute: float = 0.0
    """0 means no limit."""
    tokens_per_minute: float = 0.0
    burst_seconds: float = 1.0
    """Seconds of refilling that a bucket holds."""
    charge_rejected: int = 1
    """Whether refused requests count against the limit."""
    limit_headers: str = "both"
    """`both`, `requests`, `none` or `minus-one` (-1 and 0, as Azure sends)."""
    limit_schedule: str = ""
    """`30:2000/500000,60:8000/0`: seconds after the first request, requests and tokens per minute from then on."""
    delay: float = 0.0
    latency_median: float = 0.0
    latency_sigma: float = 0.5
    """Of the logarithm of the latency."""
    rate_limited_rate: float = 0.0
    long_wait_rate: float = 0.0
    """429 with `Retry-After: 300`."""
    slow_down_rate: float = 0.0
    overloaded_rate: float = 0.0
    """503 `server_is_overloaded`."""
    server_error_rate: float = 0.0
    stray_rate: float = 0.0
    """Refused with `stray_status`, and no code that says why."""
    stray_status: int = 404
    error_under_200_rate: float = 0.0
    """An error of the provider behind, under HTTP 200."""
    flagged: str = ""
    """A word: documents that hold it are refused with 403."""
    too_large_over: int = 0
    """Characters of a document beyond which it is refused as larger than the limit, with 429; 0 means no end."""
    hang_rate: float = 0.0
    reset_rate: float = 0.0
    """Cut before anything is billed."""
    reset_after_billing_rate: float = 0.0
    gateway_rate: float = 0.0
    """504 by something in between, after billing."""
    nonsense_rate: float = 0.0
    truncated_rate: float = 0.0
    refusal_rate: float = 0.0
    quota: int = 0
    """Replies after which every request is refused with `quota_code`; 0 means no end."""
    quota_code: str = "insufficient_quota"
    key: str = ""
    """The one API key that is accepted; empty accepts any."""
    answers: str = "rubric"
    """`rubric`: the embedded labeller's; `canned`: one valid answer, cheap; `nonsense`: never one."""
    usage: str = ""
    """`negative`, `cached-above-prompt`, `huge`, `zero` or `missing`: what replies say was used; billed is what was."""
    logprobs: int = 1
    stored: int = 1
    stored_lag: float = 0.0
    models_listing: int = 1
    shutdown_date: str = ""
    cached_share: float = 0.0
    """Of prompts of 1,024 tokens or more."""
    batch_api: int = 1
    batch_seconds: float = 0.2
    batch_expire_share: float = 0.0
    batch_error_share: float = 0.0
    batch_refused_share: float = 0.0
    """Of requests in batches that are refused for good, as too long."""
    batch_enqueued_tokens: float = 0.0
    """Input tokens that may wait in batches; 0 means no limit."""
    hold: str = ""
    """`POST /v1/batches`: the first such request is done, and never answered."""
    seed: int = 0
    bind: str = "127.0.0.1"


class _Refusing(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SystemExit(message)


def read_options(arguments: Sequence[str]) -> tuple[Options, int]:
    """The options and the port that `arguments` ask for.

    Raises:
        SystemExit: one of them is unknown, or no number; the message says which.
    """
    parser = _Refusing(prog="openai-rig", allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0)
    for option in fields(Options):
        parser.add_argument(f"--{option.name.replace('_', '-')}", type=type(option.default), default=option.default)
    chosen = vars(parser.parse_args(arguments))
    port = chosen.pop("port")
    return Options(**chosen), port
