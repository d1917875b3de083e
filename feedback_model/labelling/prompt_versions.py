"""Versions of what is asked of an endpoint: prompt, answer format and sampling parameters together. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from feedback_model.feedback import DEFAULT_ORDER, MEMBERS, AnswerOrder, answer_schema
from feedback_model.prompts import PromptName, prompt_text, prompt_version
from feedback_model.records.labels import LabellingConfig
from feedback_model.records.prompts import PromptRecord

NAMES: Final[tuple[PromptName, ...]] = ("label", "rewrite")


@dataclass(frozen=True, slots=True)
class Family:
    """Models that take the same parameters, recognised by how their name begins."""

    prefix: str
    parameters: Mapping[str, Any]


FAMILIES: Final = (
    # Reasoning would be charged as output and cut the answer off; these refuse a temperature of their own.
    Family("gpt-6", {"reasoning_effort": "none"}),
    Family("gpt-5", {"reasoning_effort": "none"}),
    Family("", {"temperature": 0}),
)


def parameters_for(model: str) -> Mapping[str, Any]:
    """Choose the sampling parameters for `model`."""
    return next(family.parameters for family in FAMILIES if model.startswith(family.prefix))


@cache
def answer_format(order: AnswerOrder) -> dict[str, Any]:
    """Build the format that a label must have."""
    return {
        "type": "json_schema",
        "json_schema": {"name": "feedback", "strict": True, "schema": answer_schema(order)},
    }


@cache
def request_version(name: PromptName, model: str, order: AnswerOrder = DEFAULT_ORDER) -> str:
    """Name the version of a prompt: `name-xxxxxxxx`, hashed from prose, rubric, answer format and parameters.

    A label's covers the words in which it is asked for again. What only bounds or accompanies an answer (its length, log
    probabilities, a complaint about the last one) is left out.
    """
    versions = [prompt_version(each, order) for each in _prompts_of(name)]
    parts = [versions, answer_format(order) if name == "label" else None, dict(parameters_for(model))]
    return f"{name}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]}"


def _prompts_of(name: PromptName) -> Sequence[PromptName]:
    return (name, "label-again") if name == "label" else (name,)


def order_of(label_model: str, prompt_version: str) -> AnswerOrder:
    """Read off a label's prompt version in which order its answer is asked for."""
    for order in MEMBERS:
        if request_version("label", label_model, order) == prompt_version:
            return order
    return DEFAULT_ORDER


def describe_prompt(name: PromptName, model: str, order: AnswerOrder = DEFAULT_ORDER) -> PromptRecord:
    """Write out all that a version stands for."""
    texts = [prompt_text(each, order) for each in _prompts_of(name)]
    parts = ["\n\n=== asked again, in other words ===\n\n".join(texts)]
    if name == "label":
        parts.append(f"=== answer format ===\n\n{json.dumps(answer_format(order))}")
    parts.append(f"=== parameters ===\n\n{json.dumps(dict(parameters_for(model)))}")
    return PromptRecord(request_version(name, model, order), name, "\n\n".join(parts))


def prompt_in_force(config: LabellingConfig) -> PromptRecord | None:
    """Write out the version that `config` names; None where this code would ask otherwise."""
    known = (describe_prompt(name, config.label_model, order) for name in NAMES for order in MEMBERS)
    return next((each for each in known if each.prompt_version == config.prompt_version), None)
