"""What a chat template writes around a transcript and around an answer, read once off a rendered chat.

Prompts and answers are put between these pieces, so no template sees the text of a transcript or of an answer, and training
reads exactly what inference sends: everything that stands before an answer, be it a space or an empty `<think>` block.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jinja2 import TemplateError

from feedback_model.errors import ModelError
from feedback_model.prompts import Message, mark_off, render_messages

Render = Callable[[Sequence[Message]], str]
WAY_ON = "choose an instruct model with --base-model"
DATE: Final = datetime(2024, 7, 26)  # noqa: DTZ001 - a calendar day
"""What a template that writes the day is told: the day that Llama 3's own falls back to."""
_CLOCK = re.compile(r"strftime_now\(\s*(['\"])(.*?)\1\s*\)")
_TEXT, _ANSWER = "A short talk.", '{"a": "Short."}'


@dataclass(frozen=True, slots=True)
class ChatFrame:
    """The fixed pieces of a chat with one answer."""

    before: str
    """From the start to the transcript, the system prompt included."""
    after: str
    """From the transcript to the answer."""
    ending: str
    """What follows the answer."""

    def around(self, text: str) -> str:
        """Return the prompt about a transcript, up to where the answer begins."""
        return self.before + mark_off(text) + self.after


def pin_date(template: str) -> str:
    """Put `DATE` where a chat template asks for the day, which would make another prompt of every day.

    Raises:
        ModelError: it asks in a way that cannot be read.
    """
    pinned = _CLOCK.sub(lambda call: repr(DATE.strftime(call[2])), template)
    if "strftime_now(" in pinned:
        raise ModelError(f"the base model's chat template writes a date that cannot be pinned; {WAY_ON}")
    return pinned


def read_frame(render: Render) -> ChatFrame:
    """Read a template's frame; where it refuses a system turn or drops it, that text opens the user's turn instead.

    Args:
        render: turns messages into the text of a chat.

    Raises:
        ModelError: it renders neither form, or changes what the messages say.
    """
    messages = render_messages("feedback", _TEXT)
    refusal = ""
    for chat in (messages, [_merge(messages)]):
        try:
            found = _cut_out(render, chat)
        except (TemplateError, ValueError, TypeError) as error:
            refusal = f"refuses a user turn and its answer ({str(error).partition(chr(10))[0]})"
        else:
            if found is not None:
                return found
            refusal = "changes the prompt or the answer"
    raise ModelError(f"the base model's chat template {refusal}, so it cannot be trained on answers alone; {WAY_ON}")


def _merge(messages: Sequence[Message]) -> Message:
    return {"role": "user", "content": "\n\n".join(message["content"] for message in messages)}


def _cut_out(render: Render, messages: Sequence[Message]) -> ChatFrame | None:
    """Find transcript and answer in a rendered chat; None where not all of it is said as given."""
    transcript = mark_off(_TEXT)
    whole = render([*messages, {"role": "assistant", "content": _ANSWER}])
    if whole.count(transcript) != 1 or whole.count(_ANSWER) != 1:
        return None
    before, _, rest = whole.partition(transcript)
    after, found, ending = rest.partition(_ANSWER)
    instructions = messages[0]["content"].removesuffix(transcript).strip()
    return ChatFrame(before, after, ending) if found and instructions in before + after else None
