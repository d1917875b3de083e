"""Promotion of the best epoch of an evaluated training run, and rollback to a former champion.

Decided again about the same evaluation while its epoch is champion, the decision that made it so is returned.
"""

import getpass
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from eval.evaluate import assemble_panel
from eval.promotion.decide import RULES, GateInput, best_epoch, decide
from eval.report.model_card import make_card, write_model_card
from feedback_model.errors import InputError, MissingStage
from feedback_model.records.evaluation import Evaluation
from feedback_model.records.promotion import Champion, Decision, Promotion
from feedback_model.store.connection import Store
from feedback_model.store.datasets import read_dataset
from feedback_model.store.evaluations import read_evaluation
from feedback_model.store.promotions import (
    champion,
    find_decision,
    first_prediction,
    fix_rules,
    predecessor,
    read_promotions,
    record_decision,
    return_to,
    rolled_back,
)
from feedback_model.store.training import model_version_of, read_run
from feedback_model.training.checkpoints import find_checkpoint, verified_folder


def decide_and_record(store: Store, home: Path, validation_id: str, test_id: str | None) -> Decision:
    """Decide whether the best epoch becomes champion, and keep the decision with its evidence.

    A model that is promoted gets its model card beside its adapter.

    Raises:
        MissingStage: there are no such evaluations, or no epoch in them.
        ModelError: the adapter that was judged is gone, or other weights lie in its place.
    """
    validation = _read_evaluation(store, validation_id)
    test = None if test_id is None else _read_evaluation(store, test_id)
    decision = _find_current_decision(store, validation) or _decide_anew(store, home, validation, test)
    if decision.verdict == "promote":
        publish_model_card(store, home, decision)
    return decision


def publish_model_card(store: Store, home: Path, decision: Decision) -> Path | None:
    """Write the card of the model that `decision` is about; None where it has no adapter on this disk.

    Raises:
        StoreError: the file cannot be written.
    """
    version = model_version_of(store, decision.model_id)
    if version.checkpoint is None or (folder := find_checkpoint(home, version.checkpoint)) is None:
        return None
    run = read_run(store, version.checkpoint.run_id)
    names = dict.fromkeys([decision.evaluation_id, decision.reported_evaluation_id])
    evaluations = [_read_evaluation(store, name) for name in names if name is not None]
    return write_model_card(folder, make_card(decision, version, run, read_dataset(store, run.dataset_id), evaluations))


def _decide_anew(store: Store, home: Path, validation: Evaluation, test: Evaluation | None) -> Decision:
    decision = decide(load_gate_input(store, validation, test))
    if decision.verdict == "promote":
        adapter = model_version_of(store, decision.model_id).checkpoint
        if adapter is not None:
            verified_folder(home, adapter)
    return find_decision(store, record_decision(store, decision)) or decision


def _find_current_decision(store: Store, validation: Evaluation) -> Decision | None:
    """Find the decision on this very evaluation by which its best epoch is champion now."""
    present = champion(store)
    if present is None or present.model_id != best_epoch(validation).model_id:
        return None
    decision = find_decision(store, present.decision_id)
    return decision if decision is not None and decision.evaluation_id == validation.evaluation_id else None


def load_gate_input(store: Store, validation: Evaluation, test: Evaluation | None) -> GateInput:
    """Read everything that the decision about `validation` may depend on."""
    dataset = read_dataset(store, validation.dataset_id)
    models = {result.model: result.inference_id for result in validation.models}
    epochs = [inference_id for model, inference_id in models.items() if model.startswith("epoch-")]
    present = champion(store)
    return GateInput(
        validation=validation,
        test=test,
        panel=assemble_panel(store, dataset, "validation", models),
        champion_id=None if present is None else present.model_id,
        champion_retired=present is not None and _is_retired(store, present, validation),
        rolled_back=rolled_back(read_promotions(store)).get(best_epoch(validation).model_id),
        rules=RULES,
        fixed=fix_rules(store, RULES),
        predicted_at=first_prediction(store, epochs) or validation.created_at,
    )


def _is_retired(store: Store, present: Champion, validation: Evaluation) -> bool:
    return validation.run_id is not None and present.is_retired(read_run(store, validation.run_id).base)


def _read_evaluation(store: Store, evaluation_id: str) -> Evaluation:
    evaluation = read_evaluation(store, evaluation_id)
    if evaluation is None:
        raise MissingStage(f"there is no evaluation {evaluation_id}; run `feedback evaluate` first")
    return evaluation


def roll_back(store: Store, home: Path, reason: str, to: str = "") -> Promotion:
    """Make a former champion the champion again, in one transaction; returns its newest promotion.

    Args:
        reason: for the history; mandatory.
        to: its model id, or the beginning of it; empty for the one whom the present champion replaced.

    Raises:
        InputError: no reason was given, or `to` was never champion or is it now.
        MissingStage: there is no champion, or none before it, or someone else replaced it at this moment.
        ModelError: the adapter to go back to is gone, or other weights lie in its place.
    """
    if not reason.strip():
        raise InputError("a rollback needs a reason for the history; give --reason")
    promotions = read_promotions(store)
    if not promotions:
        raise MissingStage("there is no champion to roll back from; `feedback run` makes one where evidence allows")
    former = _find_former(promotions, to) if to else _find_predecessor(promotions)
    adapter = model_version_of(store, former.model_id).checkpoint
    if adapter is not None:
        verified_folder(home, adapter)
    return_to(store, former, promotions[-1], reason.strip(), _current_user())
    return read_promotions(store)[-1]


def _find_predecessor(promotions: Sequence[Promotion]) -> Promotion:
    former = predecessor(promotions)
    if former is None:
        raise MissingStage(
            f"{promotions[-1].model} ({promotions[-1].model_id[:8]}) replaced no champion, so there is none to go back to; "
            "`feedback champion history` lists all, and --to names one"
        )
    return former


def _find_former(promotions: Sequence[Promotion], to: str) -> Promotion:
    meant = {each.model_id: each for each in promotions if each.model_id.startswith(to)}
    if len(meant) > 1:
        raise InputError(f"{to!r} is the beginning of {len(meant)} former champions' ids; give more of it")
    if not meant:
        raise InputError(
            f"{to!r} was never champion, and only evidence promotes; `feedback champion history` lists who was"
        )
    (former,) = meant.values()
    if former.model_id == promotions[-1].model_id:
        raise InputError(f"{former.model} ({former.model_id[:8]}) is the champion already")
    return former


def _current_user() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that no account has
        name = f"uid-{os.getuid()}"
    return f"{name}@{socket.gethostname()}"
