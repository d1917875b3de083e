"""Champions: only evidence makes one, a person can go back to one, and the history says who, when and why."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text
from typer.testing import CliRunner

from deployments.cli.app import app
from eval.measure import choose_serving
from eval.promote import decide_and_record, roll_back
from eval.promotion.decide import RULES
from eval.report.verify import verify_report
from eval.report.write import write_report
from feedback_model.errors import InputError, MissingStage, ModelError, StoreError
from feedback_model.records.evaluation import Evaluation
from feedback_model.records.promotion import Decision
from feedback_model.settings import Settings
from feedback_model.store import tables
from feedback_model.store.connection import Store
from feedback_model.store.promotions import (
    champion,
    fix_rules,
    read_decision,
    read_promotions,
    record_decision,
    rolled_back,
)
from feedback_model.training.checkpoints import WEIGHTS_FILE
from tests.databases import OpenFilled
from tests.evaluated_run import RUN, decide_on, evaluate_larger, evaluate_templates, open_evaluated, put_adapters

Judged = tuple[Store, Evaluation, Evaluation]


@pytest.fixture
def judged(any_store_with: OpenFilled, settings: Settings) -> Judged:
    made = open_evaluated(any_store_with, evaluate_larger)
    put_adapters(made.store, settings.home)
    return made.store, made.validation, made.test


def count(store: Store, table: Any) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def promote(store: Store, decision: Decision, epoch: int) -> str:
    """Make another epoch champion after the present one, as a decision to promote it would; returns its model id."""
    present = champion(store)
    model_id = f"model-epoch-{epoch}"
    changed = replace(decision, model_id=model_id, model=f"epoch-{epoch}", decided_at=None)
    record_decision(store, replace(changed, champion_id=present and present.model_id))
    return model_id


def test_a_promotion_makes_a_champion_once(judged: Judged, settings: Settings) -> None:
    store, validation, test = judged
    assert champion(store) is None
    decision = decide_and_record(store, settings.home, validation.evaluation_id, test.evaluation_id)
    assert decision.verdict == "promote"
    assert decide_and_record(store, settings.home, validation.evaluation_id, test.evaluation_id) == decision
    assert champion(store).model_id == validation.best_epoch.model_id  # type: ignore[union-attr]
    assert (count(store, tables.promotion), count(store, tables.decision), count(store, tables.evidence)) == (1, 1, 10)
    assert read_decision(store, test) == read_decision(store, validation) == decision
    assert (decision.evaluation_id, decision.reported_evaluation_id) == (validation.evaluation_id, test.evaluation_id)


def test_the_gate_judges_as_the_champion_will_answer(any_store_with: OpenFilled, settings: Settings) -> None:
    """A decision about templates makes a champion that is asked so, and is told of on the page of the free answers."""
    made = open_evaluated(any_store_with, evaluate_larger)
    put_adapters(made.store, settings.home)
    templates = evaluate_templates(made.run)
    decision = decide_and_record(made.store, settings.home, *(each.evaluation_id for each in templates))
    assert champion(made.store).decoding == "template"  # type: ignore[union-attr]
    assert read_decision(made.store, made.test) == decision
    page = write_report(made.store, settings, made.test.evaluation_id)
    assert "asked as template: on 60 test transcripts, asked as free" in page.read_text()
    assert verify_report(made.store, page).differences == ()


def test_the_way_with_the_least_bound_serves(judged: Judged) -> None:
    """Of two that are alike the first does."""
    _, free, _ = judged
    template = replace(free, decoding="template")
    silent = replace(free, models=tuple(replace(each, mse_upper=(each.mse_upper or 0) + 1) for each in free.models))
    assert choose_serving([free, template]) == free
    assert choose_serving([silent, template]) == template


def test_a_decision_to_hold_makes_no_champion(judged: Judged) -> None:
    store, validation, test = judged
    record_decision(store, replace(decide_on(store, validation, test), verdict="hold"))
    assert champion(store) is None


def test_a_champion_replaced_meanwhile_stops_the_promotion(judged: Judged) -> None:
    store, validation, test = judged
    decision = decide_on(store, validation, test)
    promote(store, decision, 1)
    with pytest.raises(MissingStage, match=r"replaced while epoch-.* run `feedback evaluate` again"):
        record_decision(store, decision)
    assert count(store, tables.decision) == 1


def test_an_adapter_that_is_gone_is_not_promoted(judged: Judged, tmp_path: Path) -> None:
    store, validation, test = judged
    with pytest.raises(ModelError, match="is gone; run `feedback train`"):
        decide_and_record(store, tmp_path / "elsewhere", validation.evaluation_id, test.evaluation_id)
    assert champion(store) is None


@pytest.mark.parametrize("verdict_of_decision", ["hold", "inconclusive", None])
def test_the_database_refuses_a_champion_without_decision(judged: Judged, verdict_of_decision: Any) -> None:
    store, validation, test = judged
    decision_id = "no such decision"
    if verdict_of_decision:
        decision_id = record_decision(store, replace(decide_on(store, validation, test), verdict=verdict_of_decision))
    row = {"decision_id": decision_id, "model_id": "model-epoch-2", "promoted_at": "2026", "promoted_by": "me"}
    for verdict in ("promote", verdict_of_decision or "hold"):
        with pytest.raises(StoreError, match=r"(?i)constraint"), store.write() as connection:
            connection.execute(insert(tables.promotion), row | {"kind": "promote", "verdict": verdict})


def test_the_database_refuses_rules_that_came_later(judged: Judged) -> None:
    store, validation, test = judged
    decision = decide_on(store, validation, test)
    with pytest.raises(StoreError, match="rules_came_first"):
        record_decision(store, replace(decision, predicted_at="2020-01-01T00:00:00.000000+00:00"))


def test_the_database_refuses_a_rollback_without_a_reason(judged: Judged) -> None:
    store, validation, test = judged
    decision_id = record_decision(store, decide_on(store, validation, test))
    row = {"decision_id": decision_id, "model_id": validation.best_epoch.model_id, "verdict": "promote"}  # type: ignore[union-attr]
    row |= {"promoted_at": "2026", "promoted_by": "me", "kind": "rollback"}
    for reason in (None, "", "  "):
        with pytest.raises(StoreError, match="rollback_reason"), store.write() as connection:
            connection.execute(insert(tables.promotion), row | {"reason": reason})


def test_changed_rules_are_added_never_rewritten(any_store: Store) -> None:
    first = fix_rules(any_store, RULES)
    assert fix_rules(any_store, RULES) == first
    other = fix_rules(any_store, replace(RULES, trait_margin=2.0))
    assert other.rules_number > first.rules_number
    assert fix_rules(any_store, RULES).rules_number > other.rules_number


def test_rules_fixed_after_the_outputs_promote_nothing(judged: Judged) -> None:
    store, validation, test = judged
    fix_rules(store, replace(RULES, validity_floor=0.99))
    decision = decide_on(store, validation, test)
    assert (decision.verdict, decision.evidence[-1].rule, decision.evidence[-1].outcome) == (
        "inconclusive",
        "preregistered",
        "unknown",
    )


def test_a_second_rollback_goes_back_further(judged: Judged, settings: Settings) -> None:
    store, validation, test = judged
    decision = decide_on(store, validation, test)
    first, second, third = (promote(store, decision, epoch) for epoch in (3, 1, 2))
    assert roll_back(store, settings.home, "it scolds").model_id == second
    assert champion(store).model_id == second  # type: ignore[union-attr]
    assert rolled_back(read_promotions(store)) == {third: "it scolds"}
    assert roll_back(store, settings.home, "so does this one").model_id == first
    with pytest.raises(MissingStage, match="replaced no champion, so there is none to go back to"):
        roll_back(store, settings.home, "and this one")
    assert roll_back(store, settings.home, "it was the data", to=third).model_id == third
    assert rolled_back(read_promotions(store)) == {second: "so does this one", first: "it was the data"}


def test_rolled_back_epochs_are_not_promoted_again(judged: Judged, settings: Settings) -> None:
    store, validation, test = judged
    base = promote(store, decide_on(store, validation, test), 1)
    decide_and_record(store, settings.home, validation.evaluation_id, test.evaluation_id)
    assert roll_back(store, settings.home, "it scolds").model_id == base
    decision = decide_and_record(store, settings.home, validation.evaluation_id, test.evaluation_id)
    assert decision.verdict == "hold"
    assert decision.reasons[0].endswith("rolled back from, and stays so: it scolds")


@pytest.mark.parametrize(
    ("reason", "to", "error", "sentence"),
    [
        (" ", "", InputError, "a rollback needs a reason"),
        ("why", "model-base", InputError, "was never champion, and only evidence promotes"),
        ("why", "model-epoch-2", InputError, "is the champion already"),
        ("why", "model-", InputError, "the beginning of 2 former champions' ids"),
        ("why", "", ModelError, "are not those the store knows"),
    ],
)
def test_a_rollback_that_cannot_be_is_told(
    judged: Judged, settings: Settings, reason: str, to: str, error: type, sentence: str
) -> None:
    store, validation, test = judged
    decision = decide_on(store, validation, test)
    for epoch in (3, 2):
        promote(store, decision, epoch)
    (settings.home / f"checkpoints/{RUN}/epoch-3" / WEIGHTS_FILE).write_bytes(b"other weights")
    with pytest.raises(error, match=sentence):
        roll_back(store, settings.home, reason, to)
    assert len(read_promotions(store)) == 2


def test_without_a_champion_nothing_is_rolled_back(store: Store, settings: Settings) -> None:
    with pytest.raises(MissingStage, match="no champion to roll back from"):
        roll_back(store, settings.home, "why")


def test_the_views_say_what_the_decision_says(judged: Judged, settings: Settings) -> None:
    store, validation, test = judged
    decision = decide_and_record(store, settings.home, validation.evaluation_id, test.evaluation_id)
    with store.read() as connection:
        row = connection.execute(text("SELECT * FROM decisions")).mappings().one()
        found = connection.execute(text("SELECT * FROM decision_evidence ORDER BY place")).mappings().all()
    assert (row["verdict"], row["rules_version"], row["n_passed"]) == ("promote", "gate-3", len(decision.evidence))
    assert [(each["rule"], each["figure"], each["ci_high"]) for each in found] == [
        (each.rule, each.figure, each.ci_high) for each in decision.evidence
    ]
    assert {each["n_used"] for each in found} == {60}


@pytest.fixture
def home_with_champions(settings: Settings, monkeypatch: pytest.MonkeyPatch, store_with: OpenFilled) -> Store:
    made = open_evaluated(store_with, evaluate_larger)
    store, validation, test = made.store, made.validation, made.test
    put_adapters(store, settings.home)
    promote(store, decide_on(store, validation, test), 1)
    decide_and_record(store, settings.home, validation.evaluation_id, test.evaluation_id)
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    return store


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["champion", *arguments])


def test_the_command_shows_the_champion_with_its_evidence(home_with_champions: Store) -> None:
    shown = invoke()
    assert shown.exit_code == 0
    assert "preregistered" in shown.output
    told = json.loads(invoke("--json").stdout)
    assert told["model_id"] == champion(home_with_champions).model_id  # type: ignore[union-attr]
    assert told["decision"]["verdict"] == "promote"
    assert {each["outcome"] for each in told["decision"]["evidence"]} == {"pass"}


def test_rollback_writes_its_reason_into_the_history(home_with_champions: Store) -> None:
    back = json.loads(invoke("rollback", "--reason", "it scolds", "--json").stdout)
    assert (back["model_id"], back["kind"], back["reason"]) == ("model-epoch-1", "rollback", "it scolds")
    assert champion(home_with_champions).model_id == "model-epoch-1"  # type: ignore[union-attr]
    history = json.loads(invoke("history", "--json").stdout)
    assert [each["kind"] for each in history] == ["rollback", "promote", "promote"]
    assert "it scolds" in invoke("history").output


def test_there_is_no_command_to_promote(home_with_champions: Store) -> None:
    before = read_promotions(home_with_champions)
    assert invoke("promote", "model-epoch-3").exit_code != 0
    assert "only evidence promotes" in " ".join(invoke("--help").output.split())
    assert read_promotions(home_with_champions) == before
