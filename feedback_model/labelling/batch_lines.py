"""The lines of a batch's files: requests as they are handed in, answers and errors as they come back. Pure.

Order means nothing in them; a line is told by its `custom_id`, which is the id of its try.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from feedback_model.labelling.client import ENDPOINT
from feedback_model.labelling.refusals import remedy_for
from feedback_model.labelling.replies import read_envelope
from feedback_model.store.replies import PaidReply

BATCH_SHARE: Final = 0.5  # of the price


@dataclass(frozen=True, slots=True)
class Answered:
    """A request of a batch that was answered, and billed."""

    send_id: str
    paid: PaidReply


@dataclass(frozen=True, slots=True)
class Failed:
    """A request of a batch that was not."""

    send_id: str
    code: str
    status: int | None = None
    """HTTP status; None where it was never executed."""
    parameter: str | None = None
    """What of the request was refused, where that is said."""

    @property
    def for_good(self) -> bool:
        """Whether the same request would be refused again."""
        return self.status is not None and remedy_for(self.status, self.code, None) == "give_up"


def request_line(send_id: str, question: dict[str, Any]) -> bytes:
    """One request, as a line."""
    return orjson.dumps({"custom_id": send_id, "method": "POST", "url": ENDPOINT, "body": question}) + b"\n"


def read_lines(content: bytes, model: str) -> Iterator[Answered | Failed]:
    """What the lines of an output or error file say; a line that cannot be read is passed over."""
    for line in content.split(b"\n"):
        read = _read(line, model) if line.strip() else None
        if read is not None:
            yield read


def _read(line: bytes, model: str) -> Answered | Failed | None:
    try:
        said = orjson.loads(line)
        send_id, response = str(said["custom_id"]), said.get("response")
        if response and response["status_code"] == 200:
            paid = read_envelope(orjson.dumps(response["body"]), model)
            return Answered(
                send_id, replace(paid, cost_usd=None if paid.cost_usd is None else paid.cost_usd * BATCH_SHARE)
            )
        return _failed(send_id, said.get("error"), response)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def _failed(send_id: str, error: Any, response: Any) -> Failed:
    if error and error.get("code"):
        return Failed(send_id, str(error["code"]))
    inner = (response or {}).get("body", {}).get("error") or {}
    code = str(inner.get("code") or inner.get("type") or "batch_error")
    return Failed(send_id, code, (response or {}).get("status_code"), inner.get("param"))
