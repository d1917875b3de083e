"""Responses of a batch: stored in one transaction and read in the next, so that a kill in between loses nothing."""

import asyncio
from collections.abc import AsyncGenerator, MutableMapping, Sequence
from itertools import islice
from typing import Final

from feedback_model.labelling.batch_api import Answered, Failed, read_lines
from feedback_model.labelling.label import LABEL_HANDLER
from feedback_model.labelling.label_run import LabelCounts
from feedback_model.labelling.labeller import OpenAILabeller
from feedback_model.labelling.requests import unsupported_features
from feedback_model.labelling.responses import apply_response, counted
from feedback_model.records.labels import Attempt, ClosedAttempt, LabelRequest, ReceivedResponse
from feedback_model.store import label_batches, label_requests, label_responses
from feedback_model.store.connection import Store

STORED_AT_ONCE: Final = 500  # responses in one transaction
BATCH_FEATURES: Final = frozenset({"soft"})
"""Optional features that mean something in a batch, which is stored at the provider anyway."""

Line = tuple[Answered | Failed, Attempt, LabelRequest]


async def apply_file(
    store: Store,
    labeller: OpenAILabeller,
    content: bytes,
    model: str,
    attempts: MutableMapping[str, tuple[Attempt, LabelRequest]],
) -> AsyncGenerator[LabelCounts]:
    """Store and read the lines of a file, some hundred at a time; takes the attempts it accounts for out of `attempts`."""
    lines = read_lines(content, labeller.envelopes, model)
    while chunk := list(islice(lines, STORED_AT_ONCE)):
        known = [(line, *attempts.pop(line.attempt_id)) for line in chunk if line.attempt_id in attempts]
        yield await asyncio.to_thread(_apply, store, labeller, known)


def _apply(store: Store, labeller: OpenAILabeller, known: Sequence[Line]) -> LabelCounts:
    received = [
        ReceivedResponse(request, line.paid, attempt) for line, attempt, request in known if isinstance(line, Answered)
    ]
    for_good, for_now = _close_failed(labeller, known)
    with store.write() as connection:
        ids = label_responses.store_responses(connection, received) if received else []
        label_batches.give_up(connection, for_good)
        n_failed = len(for_good) + label_batches.give_back(connection, for_now)
    with store.write() as connection:
        usable = [
            apply_response(connection, LABEL_HANDLER, counted(each.request), response_id, each.paid.body)
            for each, response_id in zip(received, ids, strict=True)
        ]
    n_failed += sum(
        not use and counted(each.request).attempts >= label_requests.MAX_ANSWERS
        for each, use in zip(received, usable, strict=True)
    )
    counts = LabelCounts(labelled=sum(usable), failed=n_failed)
    return sum((LabelCounts(asked=1, cost_usd=each.paid.cost_usd) for each in received), counts)


def _close_failed(labeller: OpenAILabeller, known: Sequence[Line]) -> tuple[list[ClosedAttempt], list[ClosedAttempt]]:
    """Sort failed attempts into those that would be refused again, and those to ask again."""
    for_good, for_now = list[ClosedAttempt](), list[ClosedAttempt]()
    for line, attempt, _ in known:
        if isinstance(line, Failed):
            if line.for_good and not _can_do_without(labeller, line):
                for_good.append(ClosedAttempt(attempt, "refused", line.code, line.message))
            else:
                for_now.append(ClosedAttempt(attempt, "refused", line.code))
    return for_good, for_now


def _can_do_without(labeller: OpenAILabeller, line: Failed) -> bool:
    """Tell whether a request was refused for a feature that can be left out; it is asked again without."""
    unsupported = unsupported_features(BATCH_FEATURES, line.parameter)
    if unsupported:
        labeller.give_up(unsupported, line.parameter, line.code)
    return bool(unsupported)
