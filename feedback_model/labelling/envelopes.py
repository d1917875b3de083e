"""Envelopes of one endpoint's responses, read at its prices; usage that is missing or cannot be is told once a run."""

import logging
from dataclasses import dataclass

from feedback_model.labelling.pricing import PriceOf, price_of
from feedback_model.labelling.responses import read_envelope
from feedback_model.records.labels import PaidResponse

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class EnvelopeReader:
    """Reader of what one endpoint says it was paid."""

    price_of: PriceOf = price_of
    told: bool = False
    """True once a doubt was told: an endpoint that counts wrongly does so in every response."""

    def read(self, body: bytes, model: str) -> PaidResponse:
        """Read the envelope of a response of `model`."""
        paid = read_envelope(body, self.price_of(model))
        if paid.doubt and not self.told:
            self.told = True
            _log.warning(
                "the usage that the endpoint tells is missing or cannot be: %s; labelling goes on, and a response of unknown "
                "usage counts as the most it may have cost",
                paid.doubt,
            )
        return paid
