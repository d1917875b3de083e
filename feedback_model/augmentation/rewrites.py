"""Intake of rewritten texts: cleaned, and refused where they nearly duplicate anything in any split."""

from collections.abc import Sequence
from functools import cached_property

from feedback_model.labelling.responses import InvalidResponse, read_text
from feedback_model.prompts import take_out
from feedback_model.records.labels import LabelRequest, UsableResponse
from feedback_model.store.augmentations import Descendant, enter_rewrite, refuse_rewrite
from feedback_model.store.connection import Connection, Store
from feedback_model.store.transcripts import places
from feedback_model.transcripts.cleaning import clean_text, count_words
from feedback_model.transcripts.documents import FEWEST_WORDS, transcript_id_of
from feedback_model.transcripts.near_duplicates import NearDuplicates, signature_of


def read_rewrite(body: bytes) -> str | InvalidResponse:
    """Read the rewritten transcript of a response, cleaned like any landed text."""
    text = read_text(body)
    if isinstance(text, InvalidResponse):
        return text
    text = clean_text(take_out(text))  # some models give the tags back with the answer
    return text if count_words(text) >= FEWEST_WORDS else InvalidResponse("too_short")


class Intake:
    """Intake of rewritten texts, one at a time, so that two new texts are compared too."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def _known(self) -> NearDuplicates:
        # Built when the first text comes: a run with nothing to do must not read every signature.
        return NearDuplicates((each.transcript_id, each.signature) for each in places(self._store))

    def apply(self, connection: Connection, answers: Sequence[UsableResponse[str]]) -> list[None]:
        """Keep each text as a transcript, or refuse it as a near duplicate; see `store.label_responses.Apply`."""
        return [self._apply(connection, each.request, each.answer) for each in answers]

    def _apply(self, connection: Connection, request: LabelRequest, answer: str) -> None:
        signature, name = signature_of(answer), transcript_id_of(answer)
        if self._known.find(signature):
            refuse_rewrite(connection, request, "near_duplicate")
            return
        self._known.add(name, signature)
        descendant = Descendant(name, request.transcript_id, answer, count_words(answer), signature)
        enter_rewrite(connection, request, descendant)
