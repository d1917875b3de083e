"""The evidence of a decision from the raw outputs again, by the rules that it was decided by."""

import json
from dataclasses import dataclass

from eval.gate.deciding import Case, decide
from eval.gate.rules import RULES
from eval.measuring import Panel
from eval.report.asking import Row
from eval.report.rederiving import Difference, compare_figures, figures_of
from feedback_model.store.connection import Store
from feedback_model.store.decision_records import Decision, PromotionRules
from feedback_model.store.decisions import find_decision
from feedback_model.store.evaluation_records import Evaluation


@dataclass(frozen=True, slots=True)
class Reweighed:
    """How far the raw outputs confirm a decision."""

    n_figures: int
    """Computed anew."""
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    """What was not computed anew, and why."""


def reweigh(store: Store, decided: Row, validation: Evaluation, panel: Panel) -> Reweighed:
    """Weigh everything that a decision found once more; nothing where it rests on another evaluation.

    Args:
        decided: the decision as the report has it.
        panel: of `validation`, from the raw outputs.
    """
    decision = find_decision(store, str(decided["decision_id"]))
    if decision is None or decision.evaluation_id != validation.evaluation_id:
        return Reweighed(0)
    rules = _read_rules(str(decided["rules"]))
    if rules is None or rules.rules_id != decision.rules.rules_id:
        return Reweighed(0, (Difference("the rules of the decision", repr(decided["rules"]), "what their hash says"),))
    if rules.version != RULES.version:
        note = f"the decision was not weighed anew: it was made by {rules.version}, and this code has {RULES.version}"
        return Reweighed(0, (), (note,))
    # Without a figure a rule was settled by something else: a rollback, say.
    stored = {name: figure for name, figure in figures_of(decision).items() if figure is not None}
    weighed = figures_of(decide(_case(decision, rules, validation, panel)))
    return Reweighed(len(stored), tuple(compare_figures(stored, {name: weighed.get(name) for name in stored})))


def _read_rules(document: str) -> PromotionRules | None:
    try:
        return PromotionRules(**json.loads(document))
    except (TypeError, ValueError):
        return None


def _case(decision: Decision, rules: PromotionRules, validation: Evaluation, panel: Panel) -> Case:
    """What was known when it was decided, but for rollbacks, which leave no figure."""
    return Case(
        validation=validation,
        test=None,
        panel=panel,
        champion_id=decision.champion_id,
        champion_retired=decision.champion_id not in {result.model_id for result in validation.models},
        withdrawn=None,
        rules=rules,
        fixed=decision.rules,
        predicted_at=decision.predicted_at,
    )
