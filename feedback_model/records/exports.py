"""Records of exports: what an exported folder holds, where it came from, and what the form costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from feedback_model.records.transcripts import Split

ExportFormat = Literal["adapter", "safetensors", "gguf"]
Weights = Literal["float32", "float16", "bfloat16", "f16", "q8_0"]
WEIGHTS: Final[Mapping[ExportFormat, tuple[Weights, ...]]] = {
    "adapter": (),
    "safetensors": ("float32", "float16", "bfloat16"),
    "gguf": ("f16", "q8_0"),
}
"""How each format may hold its weights, what it holds them in by itself first; an adapter's stay as they were trained."""

Verdict = Literal["no worse", "worse", "not resolved"]


@dataclass(frozen=True, slots=True)
class VariantTax:
    """What a variant costs beside its original, on one split."""

    split: Split
    evaluation_id: str
    """In which both stand; the views `evaluation_summary`, `comparisons` and `variant_tax` have the rest."""
    verdict: Verdict
    """Whether it is shown to be no worse, by the margins that NF4 is measured with."""
    n_asked: int
    n_same: int
    """Answers that are the original's, byte for byte."""
    valid_strict: int
    valid_strict_original: int
    mse: float | None
    """In score points squared; an invalid output counts as the train median."""
    mse_original: float | None
    difference: float | None
    ci_low: float | None
    """95%, clustered on the document; None with too few."""
    ci_high: float | None


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of an export."""

    name: str
    size: int
    """In bytes."""
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportManifest:
    """What an exported folder holds: `manifest.json` in it."""

    name: str
    """The model's own name: `epoch-3-gguf-q8_0`; that of the original for an adapter, whose weights are the same."""
    model_id: str
    champion: bool
    """Whether it may be called the champion."""
    champion_reason: str
    """Why, or why not."""
    format: ExportFormat
    weights: Weights | None
    """None for an adapter."""
    original: str
    """Name of the model that it was made of."""
    original_model_id: str
    run_id: str
    epoch: int
    adapter_sha: str
    base_model: str
    base_revision: str
    quantised: bool
    """True where the adapter stands on the values of NF4."""
    stand_in: bool
    """True for the demo's base model."""
    prompt_version: str
    weights_sha: str
    asked_as_trained: bool | None
    """Whether its chat template writes what the model was trained on; None for an adapter, which has its base's."""
    tax: tuple[VariantTax, ...]
    """Validation, then test; empty where it was not evaluated, or need not be."""
    created_at: str
    code_commit: str
    tools: dict[str, str]
    """Versions of the libraries that wrote it."""
    files: tuple[ExportedFile, ...] = ()
    """All but the manifest itself."""
