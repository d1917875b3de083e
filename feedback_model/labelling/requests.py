"""What is asked of a labelling endpoint, as the object that is sent. Pure: knows neither the client nor the ledger."""

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from feedback_model.errors import ConfigurationError
from feedback_model.feedback import feedback_schema
from feedback_model.labelling.pricing import Usage, price_of
from feedback_model.labelling.responses import complaint_about
from feedback_model.prompts import Message, PromptName, prompt_version, render_messages
from feedback_model.records.labels import LabelRequest
from feedback_model.store.label_attempts import NANOS, in_nanos

REWRITE_ROOM: Final = 128  # tokens beyond the length of the original


@dataclass(frozen=True, slots=True)
class Family:
    """Models that take the same parameters, told by how their name begins."""

    prefix: str
    parameters: Mapping[str, Any]


FAMILIES: Final = (
    # Reasoning would be charged as output and cut the answer off; these refuse a temperature of their own.
    Family("gpt-6", {"reasoning_effort": "none"}),
    Family("gpt-5", {"reasoning_effort": "none"}),
    Family("", {"temperature": 0}),
)


def parameters_for(model: str) -> Mapping[str, Any]:
    """The sampling parameters to send to `model`."""
    return next(family.parameters for family in FAMILIES if model.startswith(family.prefix))


def token_limit(order: LabelRequest, label_tokens: int) -> int:
    """The most output tokens `order` may need; providers charge this against the limit before they answer."""
    if order.purpose != "rewrite":
        return label_tokens
    return REWRITE_ROOM + len(order.text.encode("utf-8")) // 2


ENOUGH: Final = 30  # replies from which their size is learned

ROOM: Final = 1.3  # times the longest output so far

STEP: Final = 50  # tokens

USUAL_BYTES: Final = 3.5  # bytes a token of English prose has, before anything is known

USUAL_OUTPUT: Final = 300  # tokens of six scores with a sentence or two each, likewise


def in_budget(dollars: float | None, model: str) -> int | None:
    """A budget in billionths of a dollar; None without one.

    Raises:
        ConfigurationError: the model has no known price, so that no budget could be kept.
    """
    if dollars is None:
        return None
    if price_of(model) is None:
        raise ConfigurationError(
            f"the price of {model!r} is not known here, so a budget of {dollars:.2f} USD cannot be kept; leave --budget out, "
            "or add the price to feedback_model/labelling/pricing.py"
        )
    return in_nanos(dollars, int)


@dataclass(slots=True)
class TokenEstimator:
    """What the labels of one run need; rewrites are as long as their originals and are not learned from."""

    label_tokens: int
    """The most output tokens that a label may take."""
    seen: int = 0
    longest: int = 0
    """Output tokens of a label."""
    densest: float = 0.0
    """Prompt tokens per byte."""

    def learn(self, order: LabelRequest, n_bytes: int, usage: Usage) -> None:
        """Take in what one reply used."""
        if usage.prompt_tokens:
            self.densest = max(self.densest, usage.prompt_tokens / max(1, n_bytes))
        if order.purpose != "rewrite" and usage.completion_tokens:
            self.seen += 1
            self.longest = max(self.longest, usage.completion_tokens)

    def output(self, order: LabelRequest) -> int:
        """The output tokens to ask for; all that may be had where the last answer was cut off."""
        most = token_limit(order, self.label_tokens)
        if order.purpose == "rewrite" or self.seen < ENOUGH or order.complaint == "truncated":
            return most
        return min(most, math.ceil(self.longest * ROOM / STEP) * STEP)

    def prompt(self, n_bytes: int) -> float:
        """The prompt tokens to expect."""
        return n_bytes * (self.densest or 1 / USUAL_BYTES)

    def most_nanos(self, model: str, n_bytes: int, output: int) -> int:
        """The most that a request can cost, in billionths of a dollar; 0 where the model has no known price."""
        price = price_of(model)
        if price is None:
            return 0
        # No token is shorter than a byte, in no language; what was reserved too much is freed when the reply comes.
        return math.ceil((n_bytes * price.prompt + output * price.completion) * NANOS / 1e6)


ATTEMPT_KEY: Final = "feedback_send"  # the key under which the provider keeps a try's id

TOP_LOGPROBS: Final = 10  # likeliest tokens told at each place: one for each score

OPTIONAL_FEATURES: Final = {"stored": {"store", "metadata"}, "soft": {"logprobs", "top_logprobs"}}
"""What is asked for where settings say so, and the parameters that an endpoint without it refuses."""

ANSWER_FORMAT: Final = {
    "type": "json_schema",
    "json_schema": {"name": "feedback", "strict": True, "schema": feedback_schema()},
}

AROUND: Final = 12  # prompt tokens that chat templates put around each message

_FORMAT_BYTES: Final = len(json.dumps(ANSWER_FORMAT))  # providers charge the schema as input


def count_bytes(order: LabelRequest, messages: Sequence[Message]) -> int:
    """The size of all that is charged as input, with what is put around messages."""
    said = sum(len(message["content"].encode()) + AROUND for message in messages)
    return said if order.purpose == "rewrite" else said + _FORMAT_BYTES


def usual_prompt_tokens(name: PromptName, n_characters: float, **values: str) -> float:
    """The input tokens to expect of a question about a text of so many characters, before any such reply was seen."""
    around = sum(len(message["content"].encode()) + AROUND for message in render_messages(name, "", **values))
    return (around + n_characters + (_FORMAT_BYTES if name == "label" else 0)) / USUAL_BYTES


def messages_of(order: LabelRequest) -> list[Message]:
    """The messages that ask for what `order` wants, with the complaint about its last answer if there was one."""
    if order.purpose == "rewrite":
        return render_messages("rewrite", order.text, trait=str(order.target_trait), target=str(order.target_score))
    messages = render_messages("label", order.text)
    if order.complaint is not None:
        messages.append({"role": "user", "content": complaint_about(order.complaint)})
    return messages


@cache
def request_version(name: PromptName, model: str) -> str:
    """`name-xxxxxxxx`, from the hash of what decides an answer but the transcript: prose, rubric, answer format, parameters.

    What only bounds or accompanies an answer (its length, log probabilities, a complaint about the last one) is left out.
    """
    parts = [prompt_version(name), None if name == "rewrite" else ANSWER_FORMAT, dict(parameters_for(model))]
    return f"{name}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]}"


def unsupported_features(optional_features: Collection[str], parameter: str | None) -> set[str]:
    """Which of `optional_features` an endpoint does not meet that refuses `parameter`."""
    return {wish for wish in optional_features if parameter in OPTIONAL_FEATURES[wish]}


def request_body(
    order: LabelRequest,
    messages: list[Message],
    output: int,
    optional_features: Collection[str] = (),
    send_id: str = "",
) -> dict[str, Any]:
    """The request body.

    Args:
        output: the most tokens that may be written.
        optional_features: of `OPTIONAL_FEATURES`.
    """
    asked: dict[str, Any] = {"model": order.label_model, "messages": messages, "max_completion_tokens": output}
    asked |= parameters_for(order.label_model)
    if order.purpose != "rewrite":
        asked["response_format"] = ANSWER_FORMAT
        if "soft" in optional_features:
            asked |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    if "stored" in optional_features:
        asked |= {"store": True, "metadata": {ATTEMPT_KEY: send_id}}
    return asked
