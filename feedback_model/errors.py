"""What can go wrong, as a tree. Every message says what was found, where, and what to do.

FeedbackError                 one sentence for a person; the command line prints it and exits 1
├── InputError                a file, record or option that cannot be used
├── ConfigurationError        a key, path, model or setting that is missing or wrong
├── MissingStage              a stage lacks what an earlier one makes; names the stage to run
├── StoreError                the database cannot be opened, is newer than the code, is locked, or went away
├── LabellerError             the labelling endpoint could not be used
│   └── LabellingStopped      a billing refusal: no further request can succeed; what is paid is kept
├── ModelError                a base model or checkpoint that cannot be loaded, trained or run
└── Interrupted               the user asked to stop; a rerun goes on from here
"""


class FeedbackError(Exception):
    """Base of everything this service raises on purpose."""


class InputError(FeedbackError):
    """Input that cannot be used."""


class ConfigurationError(FeedbackError):
    """Something about the machine or its settings that must be changed first."""


class MissingStage(FeedbackError):
    """A stage was asked for before the one it builds on."""


class StoreError(FeedbackError):
    """The database could not do its part."""


class LabellerError(FeedbackError):
    """The labelling endpoint could not be used."""


class LabellingStopped(LabellerError):
    """The endpoint refuses for a reason that time does not mend (billing, spend limits)."""


class ModelError(FeedbackError):
    """A model could not be loaded, trained or run."""


class Interrupted(FeedbackError):
    """The user asked to stop."""
