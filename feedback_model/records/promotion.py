"""Records of promotion: rules, evidence, decisions, and the champions in turn."""

from dataclasses import asdict, dataclass
from typing import Literal

from feedback_model.records.evaluation import Decoding
from feedback_model.records.identifiers import content_id
from feedback_model.records.training import BaseModel

Verdict = Literal["promote", "hold", "inconclusive"]
Rule = Literal["preregistered", "incumbent", "validity", "constant", "trait"]
Outcome = Literal["pass", "fail", "unknown"]
PromotionKind = Literal["promote", "rollback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionRules:
    """Rules that a model must pass to become champion; fixed, and stored, before anything they judge exists."""

    version: str
    """Names how the rules are applied; changes with the code, where the numbers below change with a mind."""
    alpha: float
    """Chance, for each rule, of passing an epoch that does not deserve it: the two-sided level of the intervals, shared out
    over the epochs that the best one was chosen from."""
    validity_floor: float
    """Least share of strictly valid outputs that must be shown, 0 to 1."""
    trait_margin: float
    """Amount by which one trait may be worse than the incumbent's, in score points squared."""

    @property
    def rules_id(self) -> str:
        """Name of the rules by their content."""
        return content_id("promotion rules", asdict(self))


@dataclass(frozen=True, slots=True)
class FixedRules:
    """Rules as stored in the database."""

    rules_number: int
    """Counts up; the highest is in force."""
    rules_id: str
    version: str
    fixed_at: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Finding of one rule."""

    rule: Rule
    outcome: Outcome
    """`unknown` where the interval holds the threshold, or a figure is missing."""
    sentence: str
    """For a person, with the figures."""
    evaluation_id: str
    """The evaluation it was measured in."""
    trait: str | None = None
    """Only under the rule `trait`."""
    figure: float | None = None
    """A share under `validity`, else a difference of penalised MSE in score points squared; None where there is none."""
    ci_low: float | None = None
    """At the confidence the rules ask for, which is higher than 95% where the epoch was chosen among several."""
    ci_high: float | None = None
    threshold: float | None = None
    """Limit that the interval had to stay above (`validity`) or below (the others)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Verdict on whether a model becomes champion, with its evidence."""

    evaluation_id: str
    """The validation evaluation that it rests on."""
    reported_evaluation_id: str | None
    """The test evaluation that reports on the same models; it has no part in the decision."""
    model_id: str
    model: str
    """Its name in these evaluations."""
    champion_id: str | None
    """The champion's model id when this was decided; None where there was none."""
    verdict: Verdict
    reasons: tuple[str, ...]
    """Sentences with their figures; the first is what decided."""
    evidence: tuple[Evidence, ...]
    """In the order of the rules."""
    rules: FixedRules
    predicted_at: str
    """When the first of the epochs gave its first output; rules that were fixed later promote nothing."""
    decided_at: str | None = None
    """None until it is stored."""


@dataclass(frozen=True, slots=True)
class Champion:
    """Model that `feedback score` uses."""

    model_id: str
    base_model: str
    base_revision: str
    stand_in: bool
    quantised: bool
    run_id: str | None
    epoch: int | None
    adapter_sha: str | None
    checkpoint_path: str | None
    """Folder of the adapter, relative to the home folder."""
    promoted_at: str
    decision_id: str
    decoding: Decoding
    """The way in which it is asked."""

    def is_retired(self, base: BaseModel) -> bool:
        """Tell whether it rests on a demo base that this version, which trains on `base`, builds differently."""
        return self.stand_in and self.base_revision != base.revision


@dataclass(frozen=True, slots=True)
class Promotion:
    """Promotion of a model to champion, by evidence or by a rollback."""

    promotion_id: int
    """Counts up; the highest is the champion's."""
    kind: PromotionKind
    promoted_at: str
    promoted_by: str
    """Version of the rules, or the user@host that rolled back."""
    reason: str | None
    """Reason of a rollback; None for a promotion, whose reasons are the decision's."""
    model_id: str
    model: str
    """Its name when it was promoted."""
    run_id: str | None
    decision_id: str
    decoding: Decoding
    """The way in which it is asked."""
    replaced_at: str | None
    """None for the champion."""
