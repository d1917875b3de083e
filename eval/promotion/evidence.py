"""Evidence for each rule: differences of errors on the same transcripts, with their intervals. Pure: no store, no clock.

The epoch was chosen as the best of several on these very transcripts, and so was its way of asking, of two. Each interval
therefore has confidence 1 - alpha / (2 epochs) (Bonferroni), so that all hold at once, and the chosen one's however it was
chosen. Under the rule `trait` the six traits share it once more.
"""

from dataclasses import dataclass

from eval.intervals import Interval, clustered_share, estimate_mean
from eval.metrics import Scores, individual, penalised
from eval.panel import Panel
from eval.promotion.wording import Finding, phrase_difference, phrase_share, phrase_trait
from feedback_model.records.evaluation import SERVING_DECODINGS
from feedback_model.records.promotion import Evidence, Outcome, PromotionRules, Rule
from feedback_model.traits import TRAITS


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Paired tests of one epoch: the transcripts, the epoch, and the rules."""

    evaluation_id: str
    panel: Panel
    epoch: str
    """The one that was chosen."""
    rules: PromotionRules

    @property
    def confidence(self) -> float:
        """Confidence of one interval, such that those of all epochs in all ways hold at once with 1 - alpha."""
        epochs = sum(model.startswith("epoch-") for model in self.panel.outputs)
        return 1 - self.rules.alpha / (max(1, epochs) * len(SERVING_DECODINGS))

    @property
    def trait_confidence(self) -> float:
        """Confidence of one interval, such that those of all epochs and traits hold at once with 1 - alpha."""
        return 1 - (1 - self.confidence) / len(TRAITS)

    def errors(self, model: str) -> Scores:
        """Compute the squared errors of `model`, an invalid output scored as the train median: a row per transcript."""
        filled = penalised(self.panel.predictions(model), self.panel.constant.medians)
        return (filled - self.panel.labels) ** 2

    def constant_errors(self) -> Scores:
        """Compute the squared errors of always saying the train mean."""
        return (self.panel.constant.means - self.panel.labels) ** 2


def test_validity(paired: PairedTest) -> Evidence:
    """Test whether the share of strictly valid outputs is shown to reach the floor."""
    valid = individual(paired.panel.predictions(paired.epoch))
    interval = clustered_share(valid, paired.panel.sources(), paired.confidence) if valid.size else None
    floor = paired.rules.validity_floor
    outcome: Outcome = "unknown"
    if interval is not None and interval.low >= floor:
        outcome = "pass"
    elif interval is not None and interval.high < floor:
        outcome = "fail"
    found = Finding(
        outcome, float(valid.mean()) if valid.size else None, interval, floor, paired.confidence, valid.size
    )
    return _evidence(paired, "validity", found, phrase_share(paired.epoch, int(valid.sum()), found))


def test_constant(paired: PairedTest) -> Evidence:
    """Test whether the epoch is shown to have less error than always saying the train mean."""
    differences = (paired.errors(paired.epoch) - paired.constant_errors()).mean(axis=1)
    found = _below(paired, differences, 0.0, paired.confidence)
    return _evidence(paired, "constant", found, phrase_difference(paired.epoch, "the constant predictor", found))


def test_incumbent(paired: PairedTest, incumbent: str, called: str) -> Evidence:
    """Test whether the epoch is shown to have less error than the model it would replace.

    Args:
        incumbent: its name in the panel.
        called: its name for readers.
    """
    differences = (paired.errors(paired.epoch) - paired.errors(incumbent)).mean(axis=1)
    found = _below(paired, differences, 0.0, paired.confidence)
    return _evidence(paired, "incumbent", found, phrase_difference(paired.epoch, called, found))


def test_traits(paired: PairedTest, incumbent: str, called: str) -> list[Evidence]:
    """Test on each trait whether the epoch is shown to be worse than the incumbent by less than the margin."""
    differences = paired.errors(paired.epoch) - paired.errors(incumbent)
    evidence: list[Evidence] = []
    for trait, column in zip(TRAITS, differences.T, strict=True):
        found = _below(paired, column, paired.rules.trait_margin, paired.trait_confidence)
        sentence = phrase_trait(trait.title, paired.epoch, called, found)
        evidence.append(_evidence(paired, "trait", found, sentence, trait.key))
    return evidence


def _below(paired: PairedTest, differences: Scores, threshold: float, confidence: float) -> Finding:
    estimate = estimate_mean(differences, paired.panel.sources())
    figure = float(differences.mean()) if differences.size else None
    interval = None if estimate is None else estimate.interval_at(confidence)
    return Finding(_outcome(interval, threshold), figure, interval, threshold, confidence, differences.size)


def _outcome(interval: Interval | None, threshold: float) -> Outcome:
    if interval is None:
        return "unknown"
    if interval.high < threshold:
        return "pass"
    return "fail" if interval.low >= threshold else "unknown"


def _evidence(paired: PairedTest, rule: Rule, found: Finding, sentence: str, trait: str | None = None) -> Evidence:
    low, high = found.interval or (None, None)
    return Evidence(
        rule=rule,
        outcome=found.outcome,
        sentence=sentence,
        evaluation_id=paired.evaluation_id,
        trait=trait,
        figure=found.figure,
        ci_low=low,
        ci_high=high,
        threshold=found.threshold,
    )
