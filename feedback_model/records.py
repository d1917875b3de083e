"""The frozen records that flow between modules. Identifiers are content hashes, so equal things have equal names."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from feedback_model.feedback import Feedback

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Origin = Literal["real", "augmented"]
Decoding = Literal["free", "template", "expected"]
FinishReason = Literal["stop", "length"]
LabelMode = Literal["now", "batch"]
LabellerKind = Literal["openai", "embedded"]


def content_id(*parts: object) -> str:
    """32 hex digits (128 bits of SHA-256) naming `parts`, which are rendered as canonical JSON."""
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A cleaned piece of speech, or of text standing in for speech."""

    transcript_id: str
    """Hash of the cleaned text."""
    source_id: str
    """The document it comes from; all near duplicates share one. Splits are drawn by this."""
    text: str
    source: str
    """Where it was landed from: a corpus or a system."""
    genre: str
    """Kind of speech or writing; empty where unknown."""
    split: Split
    origin: Origin = "real"
    parent_id: str | None = None
    """The transcript this one was rewritten from; only augmented ones have one."""


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Labels that may stand together in one dataset: one model, one prompt."""

    label_model: str
    prompt_version: str


@dataclass(frozen=True, slots=True)
class Example:
    """A transcript with the feedback a model should give on it: one row of a dataset."""

    transcript_id: str
    source_id: str
    text: str
    split: Split
    origin: Origin
    feedback: Feedback


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset version, named by its content and kept as Parquet."""

    dataset_id: str
    label_set: LabelSet
    path: str
    """Parquet file, relative to the home folder."""
    n_train: int
    n_validation: int
    n_test: int
    n_augmented: int
    """How many of `n_train` were made by augmentation."""


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A pretrained model before any training of ours."""

    name: str
    """Hub id, folder, or `embedded`, as the user chose it."""
    location: str
    """What to load from: the hub id or a folder."""
    revision: str
    """Commit of the hub, or hash of the folder's content."""
    stand_in: bool = False
    """True for the embedded tiny model; figures made with it must say so."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An adapter after one epoch of one training run."""

    run_id: str
    epoch: int
    """Counted from 1."""
    path: str
    """Folder of the adapter, relative to the home folder."""
    adapter_sha: str
    """Hash of the adapter's weights."""
    train_loss: float | None
    """Mean loss per supervised token over the epoch, in nats; None if it was not measured."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Something that can be asked for feedback: `base`, `base-nf4`, `epoch-N`."""

    name: str
    base: BaseModel
    quantised: bool
    """True where the base is held in NF4."""
    checkpoint: Checkpoint | None = None

    @property
    def model_id(self) -> str:
        """Names the weights, whatever role they play in an evaluation."""
        adapter = self.checkpoint.adapter_sha if self.checkpoint else ""
        return content_id("model", self.base.revision, self.quantised, adapter)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model said about one transcript, as it came."""

    transcript_id: str
    raw: bytes
    """The output without its end token, undecoded and unrepaired."""
    finish_reason: FinishReason
    n_tokens: int
    seconds: float
    """Wall time of the batch divided by its size."""


def to_json(value: Any) -> str:
    """Canonical JSON for columns that hold a structure."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
