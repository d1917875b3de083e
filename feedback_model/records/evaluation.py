"""Records of predictions and evaluations."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from feedback_model.records.scores import ScoreDistribution
from feedback_model.records.transcripts import Split

Decoding = Literal["free", "template", "direct"]
"""How a model is asked: for an answer that it writes freely; for one whose JSON is given, with its scores and explanations
filled in; or for its score distributions alone, without any text."""

DECODINGS: Final[tuple[Decoding, ...]] = get_args(Decoding)
SERVING_DECODINGS: Final[tuple[Decoding, ...]] = ("free", "template")
"""Ways of asking that write feedback, so that a champion can serve with them."""

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Output of a model on one transcript, as it came."""

    transcript_id: str
    raw: bytes
    """The output without its end token, undecoded and unrepaired."""
    finish_reason: FinishReason
    n_tokens: int
    seconds: float
    """Wall time of the batch divided by its size."""
    distributions: tuple[ScoreDistribution, ...] | None = None
    """One a trait, in their order; None under `free`."""


Tier = Literal["strict", "extractable", "repairable", "none"]


@dataclass(frozen=True, slots=True)
class Inference:
    """Setting under which one model is run: decoding, prompt, limits, device."""

    inference_id: str
    model_id: str
    decoding: Decoding
    prompt_version: str
    max_new_tokens: int
    device: str


Subset = Literal["common", "individual", "penalised"]

SUBSETS: tuple[Subset, ...] = ("common", "individual", "penalised")

Metric = Literal["mae", "bias", "qwk", "spearman", "within_one", "mse_macro"]

Measure = Literal["penalised", "common", "validity"]

ErrorMeasure = Literal["penalised", "common"]


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """Variance of the labeller's noise: the lowest MSE that can be reached against one label."""

    trait: str
    """`all` is the mean over traits."""
    floor: float
    """In score points squared; the labeller against itself has twice that."""
    ci_low: float | None
    """95%, clustered on the document; None with too few documents."""
    ci_high: float | None
    n_used: int
    """Transcripts labelled more than once."""
    n_total: int
    """Real transcripts that the label set has labels of."""
    n_missing: int


@dataclass(frozen=True, slots=True)
class JudgedOutput:
    """Tier of an output, and its scores where it is strictly valid."""

    tier: Tier
    scores: tuple[float, ...] | None
    """In the order of the traits; None unless the tier is strict, or the model was asked for scores without any text."""


@dataclass(frozen=True, slots=True)
class TraitResult:
    """MSE of one model on one trait over one subset."""

    trait: str
    subset: Subset
    mse: float | None
    """In score points squared; None where nothing was used."""
    ci_low: float | None
    """95%, clustered on the document; None with too few documents."""
    ci_high: float | None
    n_used: int
    n_total: int
    n_missing: int


@dataclass(frozen=True, slots=True)
class MetricResult:
    """Further metric of one model on one trait over one subset."""

    trait: str
    subset: Subset
    """`common` or `individual`: what is missing has no score to measure."""
    metric: Metric
    value: float | None
    """None where it is not defined: nothing used, or no spread to correlate."""
    n_used: int
    n_total: int
    n_missing: int


@dataclass(frozen=True, slots=True)
class ModelResult:
    """Results of one model in an evaluation. Every MSE is the plain mean over the six traits."""

    model: str
    """The model's name in this evaluation: `base`, `base-nf4`, `epoch-N`, `unaugmented`, `champion`."""
    inference_id: str
    model_id: str
    valid_strict: int
    """Outputs, as are the next two: each tier counts the ones before it too."""
    valid_extractable: int
    valid_repairable: int
    n_common: int
    mse_common: float | None
    n_individual: int
    mse_individual: float | None
    mse_penalised: float | None
    mse_lower: float | None
    mse_upper: float | None
    is_best_epoch: bool
    traits: tuple[TraitResult, ...]
    metrics: tuple[MetricResult, ...] = ()
    tier: int | None = None
    """1 is best; models of different tiers are distinguishable. None where no MSE is known."""
    mse_common_low: float | None = None
    """95% intervals of the means over traits, clustered on the document; None with too few."""
    mse_common_high: float | None = None
    mse_individual_low: float | None = None
    mse_individual_high: float | None = None
    mse_penalised_low: float | None = None
    mse_penalised_high: float | None = None
    validity_low: float | None = None
    """95%, of the share that is strictly valid; exact (Clopper-Pearson), for as many documents as there are."""
    validity_high: float | None = None

    @property
    def worst_trait(self) -> TraitResult | None:
        """The trait with the highest penalised MSE, the first of equals; None where nothing was asked."""
        known = [trait for trait in self.traits if trait.subset == "penalised" and trait.mse is not None]
        return max(known, key=lambda trait: trait.mse or 0.0, default=None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Comparison of two models on the same transcripts; below zero `model` has the smaller figure."""

    model: str
    other: str
    measure: Measure
    """MSE `penalised` over all transcripts, MSE on those that both answered validly (`common`), or strict `validity`."""
    difference: float | None
    """`model` less `other`: score points squared, or a share of outputs. None where nothing was used."""
    ci_low: float | None
    """95%, clustered on the document, not adjusted for other pairs; None with too few documents."""
    ci_high: float | None
    p_value: float | None
    """Of an exact two-sided test that the two are alike, by sign flips of documents; for validity that is McNemar's."""
    p_adjusted: float | None
    """After Holm, over all pairs of the evaluation under this measure."""
    distinguishable: bool
    """True where `p_adjusted` is below 0.05."""
    bound_low: float | None
    """Least difference in MSE over all transcripts that is possible, whatever the missing outputs would have been."""
    bound_high: float | None
    """Greatest one; None for validity, where nothing is missing."""
    margin: float | None
    """Amount by which `model` may be worse and still count as no worse; only of a variant against its original."""
    p_non_inferior: float | None
    """One-sided, of being worse by `margin` or more; below 0.025 shows that it is not."""
    n_used: int
    n_total: int
    n_missing: int


@dataclass(frozen=True, slots=True)
class TraitComparison:
    """Comparison of two models on one trait; below zero `model` has the smaller MSE."""

    model: str
    other: str
    measure: ErrorMeasure
    trait: str
    difference: float | None
    """`model` less `other`, in score points squared. None where nothing was used."""
    ci_low: float | None
    """95%, clustered on the document, not adjusted for other pairs and traits; None with too few documents."""
    ci_high: float | None
    p_value: float | None
    """Of the exact sign-flip test."""
    p_adjusted: float | None
    """After Holm, over all pairs and traits of the evaluation under this measure."""
    distinguishable: bool
    """True where `p_adjusted` is below 0.05."""
    n_used: int
    n_total: int
    n_missing: int


@dataclass(frozen=True, slots=True)
class TraitConstant:
    """Results of the constant predictor on one trait."""

    trait: str
    train_mean: float
    train_median: float
    mse: float
    """Of saying the train mean for every transcript of the split."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Measurement of several models against the same labels on the same transcripts."""

    evaluation_id: str
    created_at: str
    dataset_id: str
    run_id: str | None
    """The training run whose epochs were measured."""
    split: Split
    decoding: Decoding
    validator: str
    label_model: str
    prompt_version: str
    code_commit: str
    n_test: int
    """Transcripts asked."""
    mse_constant: float | None
    models: tuple[ModelResult, ...]
    constants: tuple[TraitConstant, ...]
    comparisons: tuple[Comparison, ...] = ()
    """Every pair of models once, the later of the table against the earlier."""
    trait_comparisons: tuple[TraitComparison, ...] = ()
    """The same pairs on each trait."""
    noise_floors: tuple[NoiseFloor, ...] = ()
    """`all` first, then each trait; empty where no transcript was labelled again."""

    @property
    def noise_floor(self) -> float | None:
        """Noise floor of the mean over traits; None where it is not known."""
        return next((each.floor for each in self.noise_floors if each.trait == "all"), None)

    @property
    def best_epoch(self) -> ModelResult | None:
        """The epoch that the validation split chose."""
        return next((result for result in self.models if result.is_best_epoch), None)

    def model(self, name: str) -> ModelResult | None:
        """Find the results of one model."""
        return next((result for result in self.models if result.model == name), None)
