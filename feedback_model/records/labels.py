"""Labels: configurations, requests, attempts, responses, labelled transcripts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from feedback_model.feedback import Feedback
from feedback_model.records.transcripts import Origin, Split


@dataclass(frozen=True, slots=True)
class LabellingConfig:
    """A labelling model and a prompt version; labels of two configurations never mix in a dataset."""

    label_model: str
    prompt_version: str


LabelMode = Literal["now", "batch"]

LabellerKind = Literal["openai", "embedded"]


@dataclass(frozen=True, slots=True)
class LabelledTranscript:
    """A transcript with one label: a row of a dataset, an item of an evaluation, a parent of rewrites."""

    transcript_id: str
    source_id: str
    text: str
    split: Split
    origin: Origin
    feedback: Feedback
    """Of the configuration's first label (replicate 0)."""
    expected: tuple[float, ...] | None = None
    """Of the same label, the mean of each score's distribution, where the labeller told all six."""

    @property
    def scores(self) -> tuple[int, ...]:
        """The six scores, 1 to 10, in the order of the traits."""
        return tuple(trait.score for trait in self.feedback.traits)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset version, named by its content and kept as Parquet."""

    dataset_id: str
    labelling_config: LabellingConfig
    path: str
    """Parquet file, relative to the home folder."""
    n_train: int
    n_validation: int
    n_test: int
    n_augmented: int
    """Those of `n_train` that were made by augmentation."""


Purpose = Literal["label", "rewrite", "relabel"]


@dataclass(frozen=True, slots=True)
class LabellingCost:
    """Responses paid for, for one purpose and of one model: a row of the view `labelling_cost`, over all its prompts."""

    purpose: Purpose
    label_model: str
    n_responses: int
    prompt_tokens: int
    cached_tokens: int
    """Of `prompt_tokens`, those that the provider had in its cache."""
    completion_tokens: int
    cost_usd: float | None
    """None where no price is known."""


RequestState = Literal["queued", "claimed", "answered", "done", "failed"]


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """A request to the labeller, with the text it is about."""

    request_id: str
    purpose: Purpose
    transcript_id: str
    text: str
    label_model: str
    prompt_version: str
    replicate: int
    target_trait: str | None
    """Of a rewrite."""
    target_score: int | None
    attempts: int
    """Responses paid for so far."""
    complaint: str | None = None
    """Code of the problem with the last of these, told to the labeller when it is asked again."""
    last_response: bytes | None = None
    """Body of the last of these, where there was such a problem."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a request."""

    attempt_id: str
    request_id: str
    labelling_config: LabellingConfig
    reserved: int
    """The most it may cost, in billionths of a dollar; next to nothing where the model has no known price."""
    budget: int | None = None
    """Most the configuration may cost in all, earlier runs included; None without a budget."""
    job_id: str | None = None


AttemptOutcome = Literal["open", "answered", "refused", "unknown", "reclaimed"]


@dataclass(frozen=True, slots=True)
class ClosedAttempt:
    """The end of an attempt that brought no response."""

    attempt: Attempt
    outcome: AttemptOutcome
    error: str
    detail: str | None = None
    """What the endpoint said, where it would refuse the same request again."""


@dataclass(frozen=True, slots=True)
class Spending:
    """Cost of a configuration so far, in billionths of a dollar."""

    spent: int = 0
    reserved: int = 0
    """Of attempts that are under way, at most."""
    unknown: int = 0
    """Of attempts whose end nobody knows, at most."""


Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class PaidResponse:
    """A response as it came, with what its envelope says."""

    body: bytes
    provider_id: str | None
    finish_reason: str | None
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None
    """None where the model has no known price, or the response no usage that can be."""
    doubt: str = ""
    """Usage that is missing or cannot be, as it was told and as it is booked; else empty."""


@dataclass(frozen=True, slots=True)
class ReceivedResponse:
    """A response, the request it answers and the attempt that brought it."""

    request: LabelRequest
    paid: PaidResponse
    attempt: Attempt
    recovered: bool = False
    """True where it was found at the provider after its attempt was lost."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label: feedback, the evidence quoted for it, and the mean of each score's distribution."""

    feedback: Feedback
    evidence: tuple[str, ...]
    """As quoted for each trait, in the order of the traits, unchecked; empty where nothing was quoted."""
    expected: tuple[float, ...] | None
    """Mean of each trait's score over its distribution, in the order of the traits; None where that was not told."""


@dataclass(frozen=True, slots=True)
class UsableResponse(Generic[Answer]):
    """A usable response: its answer, and the request it belongs to."""

    request: LabelRequest
    response_id: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class UnusableResponse:
    """A response that cannot be used: the problem, and the new state of its request."""

    request: LabelRequest
    response_id: int
    problem: str
    state: RequestState


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that the endpoint did not answer, to be set aside."""

    request: LabelRequest
    code: str
    detail: str | None
    """What the endpoint said, where it would refuse the same request again."""


@dataclass(frozen=True, slots=True)
class LabelWording:
    """How far a labeller keeps to what it is asked to write."""

    n_scores: int
    """Of all labels of a configuration, those asked for again included."""
    n_quoted: int
    """Scores with a quoted piece of evidence."""
    n_found: int
    """Of these, with evidence that stands in the transcript."""
    n_long: int
    """Scores whose explanation has more words than asked for."""


@dataclass(frozen=True, slots=True)
class SharedLabels:
    """Labels of the transcripts that two labelling configs have both labelled, each by transcript id."""

    other: LabellingConfig
    labels: Mapping[str, LabelledTranscript]
    other_labels: Mapping[str, LabelledTranscript]


CheckDirection = Literal["lower", "not lower"]


@dataclass(frozen=True, slots=True)
class LabelCheck:
    """A change to a transcript and the way in which it must move the score of one trait."""

    name: str
    trait: str
    direction: CheckDirection
    change: Callable[[str, int], str | None]
    """Returns the changed text, or None where the text does not lend itself to it. Takes a seed."""
    sentence: str
    """For readers."""


@dataclass(frozen=True, slots=True)
class ScorePair:
    """The score of a transcript and of its changed copy, on the trait of the check."""

    source_id: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class RelabelledTranscript:
    """A transcript that the labeller was asked about more than once."""

    transcript_id: str
    source_id: str
    labels: tuple[tuple[int, ...], ...]
    """Each label's scores, in the order of the traits."""
