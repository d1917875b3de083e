"""What each rule finds: differences of errors on the same transcripts, with their intervals. Pure: no store, no clock.

The epoch was chosen as the best of several on these very transcripts. Each interval therefore has confidence
1 - alpha / epochs (Bonferroni), so that all epochs' hold at once, and the chosen one's however it was chosen. Under the
rule `trait` the six traits share it once more.
"""

from dataclasses import dataclass

from eval.intervals import Interval, clustered_share, estimate_mean
from eval.metrics import Scores, individual, penalised
from eval.panel import Panel
from eval.promotion.wording import Finding, phrase_difference, phrase_share, phrase_trait
from feedback_model.records.promotion import Evidence, Outcome, PromotionRules, Rule
from feedback_model.traits import TRAITS


@dataclass(frozen=True, slots=True)
class PairedTest:
    """What evidence is weighed with: the transcripts, the epoch, and the rules."""

    evaluation_id: str
    panel: Panel
    epoch: str
    """The one that was chosen."""
    rules: PromotionRules

    @property
    def confidence(self) -> float:
        """Of one interval, such that those of all epochs hold at once with 1 - alpha."""
        epochs = sum(model.startswith("epoch-") for model in self.panel.outputs)
        return 1 - self.rules.alpha / max(1, epochs)

    @property
    def trait_confidence(self) -> float:
        """... and those of all traits too."""
        return 1 - (1 - self.confidence) / len(TRAITS)

    def errors(self, model: str) -> Scores:
        """Squared errors of `model`, an invalid output scored as the train median: a row per transcript."""
        filled = penalised(self.panel.predictions(model), self.panel.constant.medians)
        return (filled - self.panel.labels) ** 2

    def constant_errors(self) -> Scores:
        """Squared errors of always saying the train mean."""
        return (self.panel.constant.means - self.panel.labels) ** 2


def test_validity(scale: PairedTest) -> Evidence:
    """Whether the share of strictly valid outputs is shown to reach the floor."""
    valid = individual(scale.panel.predictions(scale.epoch))
    interval = clustered_share(valid, scale.panel.sources(), scale.confidence) if valid.size else None
    floor = scale.rules.validity_floor
    outcome: Outcome = "unknown"
    if interval is not None and interval.low >= floor:
        outcome = "pass"
    elif interval is not None and interval.high < floor:
        outcome = "fail"
    found = Finding(outcome, float(valid.mean()) if valid.size else None, interval, floor, scale.confidence, valid.size)
    return _evidence(scale, "validity", found, phrase_share(scale.epoch, int(valid.sum()), found))


def test_constant(scale: PairedTest) -> Evidence:
    """Whether the epoch is shown to have less error than always saying the train mean."""
    differences = (scale.errors(scale.epoch) - scale.constant_errors()).mean(axis=1)
    found = _below(scale, differences, 0.0, scale.confidence)
    return _evidence(scale, "constant", found, phrase_difference(scale.epoch, "the constant predictor", found))


def test_incumbent(scale: PairedTest, incumbent: str, called: str) -> Evidence:
    """Whether the epoch is shown to have less error than the model it would replace.

    Args:
        incumbent: its name in the panel.
        called: its name for readers.
    """
    differences = (scale.errors(scale.epoch) - scale.errors(incumbent)).mean(axis=1)
    found = _below(scale, differences, 0.0, scale.confidence)
    return _evidence(scale, "incumbent", found, phrase_difference(scale.epoch, called, found))


def test_traits(scale: PairedTest, incumbent: str, called: str) -> list[Evidence]:
    """Whether the epoch is shown to be worse than the incumbent by less than the margin, on each trait."""
    differences = scale.errors(scale.epoch) - scale.errors(incumbent)
    evidence: list[Evidence] = []
    for trait, column in zip(TRAITS, differences.T, strict=True):
        found = _below(scale, column, scale.rules.trait_margin, scale.trait_confidence)
        sentence = phrase_trait(trait.title, scale.epoch, called, found)
        evidence.append(_evidence(scale, "trait", found, sentence, trait.key))
    return evidence


def _below(scale: PairedTest, differences: Scores, threshold: float, confidence: float) -> Finding:
    estimate = estimate_mean(differences, scale.panel.sources())
    figure = float(differences.mean()) if differences.size else None
    interval = None if estimate is None else estimate.interval_at(confidence)
    return Finding(_side(interval, threshold), figure, interval, threshold, confidence, differences.size)


def _side(interval: Interval | None, threshold: float) -> Outcome:
    if interval is None:
        return "unknown"
    if interval.high < threshold:
        return "pass"
    return "fail" if interval.low >= threshold else "unknown"


def _evidence(scale: PairedTest, rule: Rule, found: Finding, sentence: str, trait: str | None = None) -> Evidence:
    low, high = found.interval or (None, None)
    return Evidence(
        rule=rule,
        outcome=found.outcome,
        sentence=sentence,
        evaluation_id=scale.evaluation_id,
        trait=trait,
        figure=found.figure,
        ci_low=low,
        ci_high=high,
        threshold=found.threshold,
    )
