"""Deciding about a training run that has been evaluated, once: from the store to the decision in it.

Asked again about the same evaluation while its epoch is champion, it answers with the decision that made it so.
"""

from pathlib import Path

from eval.evaluation import assemble_panel
from eval.gate.deciding import Case, best_epoch, decide
from eval.gate.rules import RULES
from eval.model_card import write_model_card
from feedback_model.errors import MissingStage
from feedback_model.inference.lineup import is_retired
from feedback_model.store.champions import champion, read_reigns, withdrawals
from feedback_model.store.connection import Store
from feedback_model.store.datasets import read_dataset
from feedback_model.store.decision_records import Champion, Decision
from feedback_model.store.decisions import find_decision, first_prediction, fix_rules, record_decision
from feedback_model.store.evaluation_records import Evaluation
from feedback_model.store.evaluations import read_evaluation
from feedback_model.store.training import model_version_of, read_run
from feedback_model.training.checkpoints import verified_folder


def settle(store: Store, home: Path, validation_id: str, test_id: str | None) -> Decision:
    """Decide whether the best epoch becomes champion, and keep the decision with its evidence.

    A model that is promoted gets its model card beside its adapter.

    Raises:
        MissingStage: there are no such evaluations, or no epoch in them.
        ModelError: the adapter that was judged is gone, or other weights lie in its place.
    """
    validation = _evaluation(store, validation_id)
    test = None if test_id is None else _evaluation(store, test_id)
    decision = _standing(store, validation) or _decide_anew(store, home, validation, test)
    if decision.verdict == "promote":
        write_model_card(store, home, decision)
    return decision


def _decide_anew(store: Store, home: Path, validation: Evaluation, test: Evaluation | None) -> Decision:
    decision = decide(gather_case(store, validation, test))
    if decision.verdict == "promote":
        adapter = model_version_of(store, decision.model_id).checkpoint
        if adapter is not None:
            verified_folder(home, adapter)
    return find_decision(store, record_decision(store, decision)) or decision


def _standing(store: Store, validation: Evaluation) -> Decision | None:
    """The decision on this very evaluation by which its best epoch is champion now."""
    present = champion(store)
    if present is None or present.model_id != best_epoch(validation).model_id:
        return None
    decision = find_decision(store, present.decision_id)
    return decision if decision is not None and decision.evaluation_id == validation.evaluation_id else None


def gather_case(store: Store, validation: Evaluation, test: Evaluation | None) -> Case:
    """Everything that the decision about `validation` may depend on."""
    dataset = read_dataset(store, validation.dataset_id)
    models = {result.model: result.inference_id for result in validation.models}
    epochs = [inference_id for model, inference_id in models.items() if model.startswith("epoch-")]
    present = champion(store)
    return Case(
        validation=validation,
        test=test,
        panel=assemble_panel(store, dataset, "validation", models),
        champion_id=None if present is None else present.model_id,
        champion_retired=present is not None and _is_retired(store, present, validation),
        withdrawn=withdrawals(read_reigns(store)).get(best_epoch(validation).model_id),
        rules=RULES,
        fixed=fix_rules(store, RULES),
        predicted_at=first_prediction(store, epochs) or validation.created_at,
    )


def _is_retired(store: Store, present: Champion, validation: Evaluation) -> bool:
    return validation.run_id is not None and is_retired(present, read_run(store, validation.run_id).base)


def _evaluation(store: Store, evaluation_id: str) -> Evaluation:
    evaluation = read_evaluation(store, evaluation_id)
    if evaluation is None:
        raise MissingStage(f"there is no evaluation {evaluation_id}; run `feedback evaluate` first")
    return evaluation
