"""Errors, as a tree. Every message says what was found, where, and what to do.

FeedbackError                 one sentence for a person; the command line prints it and exits 1
├── InputError                a file, record or option that cannot be used
├── ConfigurationError        a key, path, model or setting that is missing or wrong
│   ├── HubUnreachable        the Hugging Face hub does not answer (temporary)
│   └── SourceUnreachable     an object store does not answer (temporary)
├── MissingStage              a stage lacks what an earlier one makes; names the stage to run
├── StoreError                the database cannot be opened, is newer than the code, or cannot be written
│   └── StoreUnavailable      the database is away, starting, or locked by another process (temporary)
├── LabellerError             the labelling endpoint could not be used
│   ├── EndpointUnreachable   the endpoint does not answer, or does nothing but fail (temporary)
│   └── LabellingStopped      a billing refusal: no further request can succeed; what is paid is kept
├── ModelError                a base model or checkpoint that cannot be loaded, trained or run
├── Superseded                another process took this flow run over
├── Interrupted               the user asked to stop; a rerun goes on from here
└── Unwanted                  whoever asked for this has left

A temporary error passes by itself: the same call may succeed a little later with nothing changed. Nothing else is worth a retry.
"""

from typing import ClassVar

from feedback_model.masking import mask


class FeedbackError(Exception):
    """Base of everything this service raises on purpose; its text never shows a password or key."""

    temporary: ClassVar[bool] = False
    """Whether the same call may succeed a little later with nothing changed."""

    def __init__(self, *words: object) -> None:
        super().__init__(*(mask(word) if isinstance(word, str) else word for word in words))


class InputError(FeedbackError):
    """Input that cannot be used."""


class ConfigurationError(FeedbackError):
    """Something about the machine or its settings that must be changed first."""


class HubUnreachable(ConfigurationError):
    """The Hugging Face hub does not answer."""

    temporary = True


class SourceUnreachable(ConfigurationError):
    """An object store does not answer."""

    temporary = True


class MissingStage(FeedbackError):
    """A stage was asked for before the one it builds on."""


class StoreError(FeedbackError):
    """The database could not do its part."""


class StoreUnavailable(StoreError):
    """The database is away, starting, or locked by another process."""

    temporary = True


class LabellerError(FeedbackError):
    """The labelling endpoint could not be used."""


class EndpointUnreachable(LabellerError):
    """The labelling endpoint does not answer, or does nothing but fail."""

    temporary = True


class LabellingStopped(LabellerError):
    """The endpoint refuses for a reason that time does not mend (billing, spend limits)."""


class ModelError(FeedbackError):
    """A model could not be loaded, trained or run."""


class CannotBeAsked(ModelError):
    """A model that one way of decoding does not fit, because of how it computes or how its tokenizer spells scores."""


class Superseded(FeedbackError):
    """Another process took the flow run of this one over."""


class Interrupted(FeedbackError):
    """The user asked to stop."""


class Unwanted(FeedbackError):
    """Whoever asked for this has left."""
