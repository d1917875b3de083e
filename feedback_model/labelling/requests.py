"""Label requests, prepared: the messages, their size, what they may cost, and the body that is sent. Pure.

Providers charge the output that is asked for against the limit before it is written, and a budget must hold whatever comes
back; so both want a bound that is seldom too low and not much too high. It is a rule of thumb at first, then learned.
"""

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from feedback_model.feedback import DEFAULT_ORDER
from feedback_model.labelling.pricing import Price, PriceOf, Usage, price_of
from feedback_model.labelling.prompt_versions import answer_format, order_of, parameters_for
from feedback_model.labelling.responses import complaint_about, read_said
from feedback_model.prompts import Message, PromptName, render_messages
from feedback_model.records.labels import LabelRequest
from feedback_model.store.label_attempts import NANOS

NOTHING_SAID: Final = "(no answer)"
REWRITE_ROOM: Final = 128  # tokens beyond the length of the original


def token_limit(request: LabelRequest, label_tokens: int) -> int:
    """Bound the output tokens of `request`; providers charge this against the limit before they answer."""
    if request.purpose != "rewrite":
        return label_tokens
    return REWRITE_ROOM + len(request.text.encode("utf-8")) // 2


ATTEMPT_KEY: Final = "feedback_attempt"  # the key under which the provider keeps an attempt's id

TOP_LOGPROBS: Final = 10  # likeliest tokens told at each place: one for each score

OPTIONAL_FEATURES: Final = {"stored": {"store", "metadata"}, "soft": {"logprobs", "top_logprobs"}}
"""Features asked for where settings say so, each with the parameters that an endpoint without it refuses."""

AROUND: Final = 12  # prompt tokens that chat templates put around each message

ENOUGH: Final = 30  # responses from which their size is learned
ROOM: Final = 1.3  # times the longest output so far
STEP: Final = 50  # tokens
USUAL_BYTES: Final = 3.8  # bytes a token of prompt, schema and English transcript has; Qwen2.5's tokenizer: 3.7 to 3.9
USUAL_OUTPUT: Final = 280  # tokens of a label; the examples of the prompt take 247 to 293 of Qwen2.5's


_FORMAT_BYTES: Final = len(json.dumps(answer_format(DEFAULT_ORDER)))  # in either order; providers charge it as input


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A label request as it goes to the endpoint, built once and sent as often as it takes."""

    request: LabelRequest
    messages: tuple[Message, ...]
    n_bytes: int
    """Of all that is charged as input, with what chat templates put around messages."""
    prompt_tokens: float
    """To expect."""
    max_output: int
    """Tokens that may be written, at most."""
    cost_bound: int
    """The most it can cost, in billionths of a dollar; 0 where the model has no known price."""

    @property
    def charged_tokens(self) -> float:
        """Tokens counted against the rate limit before the answer is written."""
        return self.prompt_tokens + self.max_output

    def body(self, features: Collection[str] = (), attempt_id: str = "") -> dict[str, Any]:
        """Build the body of a chat completion.

        Args:
            features: of `OPTIONAL_FEATURES`.
            attempt_id: told to a provider that stores completions.
        """
        model = self.request.label_model
        body: dict[str, Any] = {"model": model, "messages": self.messages, "max_completion_tokens": self.max_output}
        body |= parameters_for(model)
        if self.request.purpose != "rewrite":
            body["response_format"] = answer_format(order_of(model, self.request.prompt_version))
            if "soft" in features:
                body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        if "stored" in features:
            body |= {"store": True, "metadata": {ATTEMPT_KEY: attempt_id}}
        return body


@dataclass(slots=True)
class TokenEstimator:
    """Token estimates of one run, learned from its labels; rewrites are as long as their originals."""

    label_tokens: int
    """The most output tokens that a label may take."""
    price_of: PriceOf = price_of
    seen: int = 0
    longest: int = 0
    """Output tokens of a label."""
    densest: float = 0.0
    """Prompt tokens per byte."""

    def prepare(self, request: LabelRequest) -> PreparedRequest:
        """Build the messages of `request`, and estimate what they take."""
        messages = tuple(_messages(request))
        n_bytes, max_output = _count_bytes(request, messages), self._max_output(request)
        return PreparedRequest(
            request=request,
            messages=messages,
            n_bytes=n_bytes,
            prompt_tokens=n_bytes * (self.densest or 1 / USUAL_BYTES),
            max_output=max_output,
            cost_bound=_cost_bound(self.price_of(request.label_model), n_bytes, max_output),
        )

    def learn(self, prepared: PreparedRequest, usage: Usage) -> None:
        """Take in what one response used."""
        if usage.prompt_tokens:
            # No token is shorter than a byte; one response that says otherwise would have the rest wait for its limit.
            self.densest = max(self.densest, min(1.0, usage.prompt_tokens / max(1, prepared.n_bytes)))
        if prepared.request.purpose != "rewrite" and usage.completion_tokens:
            self.seen += 1
            self.longest = max(self.longest, usage.completion_tokens)

    def _max_output(self, request: LabelRequest) -> int:
        """Choose the output tokens to ask for; all that may be had where the last answer was cut off."""
        most = token_limit(request, self.label_tokens)
        if request.purpose == "rewrite" or self.seen < ENOUGH or request.complaint == "truncated":
            return most
        return min(most, math.ceil(self.longest * ROOM / STEP) * STEP)


def _cost_bound(price: Price | None, n_bytes: int, max_output: int) -> int:
    if price is None:
        return 0
    # No token is shorter than a byte, in no language; what was reserved too much is freed when the response comes.
    return math.ceil((n_bytes * price.prompt + max_output * price.completion) * NANOS / 1e6)


def _count_bytes(request: LabelRequest, messages: Sequence[Message]) -> int:
    said = sum(len(message["content"].encode()) + AROUND for message in messages)
    return said if request.purpose == "rewrite" else said + _FORMAT_BYTES


def usual_prompt_tokens(name: PromptName, n_characters: float, **values: str) -> float:
    """Estimate the input tokens of a request about a text of so many characters, before any response was seen."""
    around = sum(
        len(message["content"].encode()) + AROUND for message in render_messages(name, "", DEFAULT_ORDER, **values)
    )
    return (around + n_characters + (_FORMAT_BYTES if name == "label" else 0)) / USUAL_BYTES


def _messages(request: LabelRequest) -> list[Message]:
    """Render the messages, with the complaint about the last answer if there was one."""
    if request.purpose == "rewrite":
        return render_messages(
            "rewrite", request.text, trait=str(request.target_trait), target=str(request.target_score)
        )
    # Asked in the same words at temperature 0, a labeller would only repeat itself: that is no measure of its noise.
    order = order_of(request.label_model, request.prompt_version)
    messages = render_messages("label-again" if request.replicate else "label", request.text, order)
    return messages if request.complaint is None else [*messages, *_repair(request, request.complaint)]


def _repair(request: LabelRequest, complaint: str) -> list[Message]:
    """Complain about the last answer, after it: chat templates refuse two messages of a user in a row."""
    said = read_said(request.last_response or b"") or NOTHING_SAID
    return [{"role": "assistant", "content": said}, {"role": "user", "content": complaint_about(complaint)}]


def unsupported_features(features: Collection[str], parameter: str | None) -> set[str]:
    """Find those of `features` that an endpoint lacks which refuses `parameter`."""
    return {feature for feature in features if parameter in OPTIONAL_FEATURES[feature]}
