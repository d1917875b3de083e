"""What is asked of a labelling endpoint, as the object that is sent. Pure: knows neither the client nor the ledger."""

import hashlib
import json
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, Final

from feedback_model.feedback import feedback_schema
from feedback_model.labelling.allowance import USUAL_BYTES
from feedback_model.labelling.models import parameters_for
from feedback_model.labelling.replies import complain
from feedback_model.prompts import Message, PromptName, prompt_version, render_messages
from feedback_model.store.ledger import Order

SEND: Final = "feedback_send"  # the key under which the provider keeps a try's id
TOP_LOGPROBS: Final = 10  # likeliest tokens told at each place: one for each score
WISHES: Final = {"stored": {"store", "metadata"}, "soft": {"logprobs", "top_logprobs"}}
"""What is asked for where settings say so, and the parameters that an endpoint without it refuses."""
ANSWER_FORMAT: Final = {
    "type": "json_schema",
    "json_schema": {"name": "feedback", "strict": True, "schema": feedback_schema()},
}


AROUND: Final = 12  # prompt tokens that chat templates put around each message
_FORMAT_BYTES: Final = len(json.dumps(ANSWER_FORMAT))  # providers charge the schema as input


def count_bytes(order: Order, messages: Sequence[Message]) -> int:
    """The size of all that is charged as input, with what is put around messages."""
    said = sum(len(message["content"].encode()) + AROUND for message in messages)
    return said if order.purpose == "rewrite" else said + _FORMAT_BYTES


def usual_prompt(name: PromptName, n_characters: float, **values: str) -> float:
    """The input tokens to expect of a question about a text of so many characters, before any such reply was seen."""
    around = sum(len(message["content"].encode()) + AROUND for message in render_messages(name, "", **values))
    return (around + n_characters + (_FORMAT_BYTES if name == "label" else 0)) / USUAL_BYTES


def messages_of(order: Order) -> list[Message]:
    """The messages that ask for what `order` wants, with the complaint about its last answer if there was one."""
    if order.purpose == "rewrite":
        return render_messages("rewrite", order.text, trait=str(order.target_trait), target=str(order.target_score))
    messages = render_messages("label", order.text)
    if order.complaint is not None:
        messages.append({"role": "user", "content": complain(order.complaint)})
    return messages


@cache
def question_version(name: PromptName, model: str) -> str:
    """`name-xxxxxxxx`, from the hash of what decides an answer but the transcript: prose, rubric, answer format, parameters.

    What only bounds or accompanies an answer (its length, log probabilities, a complaint about the last one) is left out.
    """
    parts = [prompt_version(name), None if name == "rewrite" else ANSWER_FORMAT, dict(parameters_for(model))]
    return f"{name}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]}"


def unmet_wishes(wishes: Collection[str], parameter: str | None) -> set[str]:
    """Which of `wishes` an endpoint does not meet that refuses `parameter`."""
    return {wish for wish in wishes if parameter in WISHES[wish]}


def question_of(
    order: Order, messages: list[Message], output: int, wishes: Collection[str] = (), send_id: str = ""
) -> dict[str, Any]:
    """The request body.

    Args:
        output: the most tokens that may be written.
        wishes: of `WISHES`.
    """
    asked: dict[str, Any] = {"model": order.label_model, "messages": messages, "max_completion_tokens": output}
    asked |= parameters_for(order.label_model)
    if order.purpose != "rewrite":
        asked["response_format"] = ANSWER_FORMAT
        if "soft" in wishes:
            asked |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    if "stored" in wishes:
        asked |= {"store": True, "metadata": {SEND: send_id}}
    return asked
