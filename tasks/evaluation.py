"""Measuring models against labels, and deciding about the champion."""

from prefect import get_run_logger, task
from prefect.cache_policies import DEFAULT, NO_CACHE

from eval.evaluate import evaluate
from eval.measure import choose_best_epoch, choose_serving
from eval.promote import decide_and_record
from eval.promotion.decide import RULES
from eval.promotion.wording import decision_markdown, phrase_verdict
from eval.report.load import find_evaluation, load_results_table
from eval.report.table import phrase_evaluation, results_markdown
from feedback_model.records.evaluation import Decoding
from feedback_model.records.transcripts import Split
from feedback_model.store.datasets import read_dataset
from feedback_model.store.promotions import champion, fix_rules, read_decision
from feedback_model.store.training import read_run, steps_of, tracking_of
from feedback_model.training.tracking import track_evaluations
from tasks.artifacts import show
from tasks.cancellation import in_thread
from tasks.long_work import long_work
from tasks.occasions import tell_promoted
from tasks.resources import resources
from tasks.retries import RETRIES
from tasks.story import tell


# Not cached: the database keeps the rules that came first.
@task(name="fix rules", cache_policy=NO_CACHE, **RETRIES)
async def fix_promotion_rules() -> None:
    """Put the rules of promotion in force before anything exists that they will judge."""
    with resources() as (_settings, store):
        rules = fix_rules(store, RULES)
    get_run_logger().info("promotion by rules %s, fixed on %s", rules.version, rules.fixed_at)


# Kept for a run that is resumed after a crash: with `again` all would be judged anew. The result is an id.
@task(
    name="measure",
    task_run_name="measure {split}",
    cache_policy=DEFAULT,
    persist_result=True,
    result_serializer="json",
    **RETRIES,
)
async def measure(
    run_id: str,
    split: Split,
    inferences: dict[str, str],
    again: bool,
    best_epoch: str | None = None,
    decoding: Decoding = "free",
) -> str:
    """Judge what is not judged yet and compare it with the labels; returns the evaluation's id."""
    with resources() as (_settings, store):
        dataset = read_dataset(store, read_run(store, run_id).dataset_id)
        async with long_work():
            evaluation = await in_thread(
                evaluate,
                store,
                dataset,
                split,
                inferences,
                run_id,
                decoding=decoding,
                best_epoch=best_epoch,
                again=again,
            )
    sentence = phrase_evaluation(evaluation)
    if split == "test":
        await tell("%s", sentence)
    else:
        get_run_logger().info("%s", sentence)
    return evaluation.evaluation_id


# Not cached: read off an evaluation in a moment.
@task(name="pick best epoch", cache_policy=NO_CACHE, **RETRIES)
async def pick_best_epoch(validation_id: str) -> str | None:
    """Choose the epoch with the lowest worst-case MSE on validation; None where no epoch can be told."""
    with resources() as (_settings, store):
        best = choose_best_epoch(find_evaluation(store, validation_id))
    get_run_logger().info("best epoch on validation: %s", best)
    return best


# Not cached: the database keeps one decision for each evaluation, and this gives it back.
@task(name="choose champion", cache_policy=NO_CACHE, **RETRIES)
async def choose_champion(measured: list[tuple[str, str]]) -> str:
    """Decide whether the best epoch becomes champion, under the way of asking that it would serve with, and book the decision.

    Args:
        measured: the evaluations on validation and on test of each such way, the preferred first.

    Returns:
        The verdict with its first reason, in one sentence.
    """
    with resources() as (settings, store):
        tests = dict(measured)
        serving = choose_serving([find_evaluation(store, validation) for validation in tests]).evaluation_id
        before = champion(store)
        decision = await in_thread(decide_and_record, store, settings.home, serving, tests[serving])
    if decision.verdict == "promote" and (before is None or before.model_id != decision.model_id):
        tell_promoted(decision.model_id, phrase_verdict(decision))
    sentence = phrase_verdict(decision)
    await tell("%s", sentence)
    await show("decision", decision_markdown(decision), sentence)
    return sentence


# Not cached: a sentence about what the database says now.
@task(name="tell verdict", cache_policy=NO_CACHE, **RETRIES)
async def tell_verdict(evaluation_id: str) -> str:
    """Tell the verdict on the models of an evaluation, in one sentence."""
    with resources() as (_settings, store):
        decision = read_decision(store, find_evaluation(store, evaluation_id))
    return "nothing was decided" if decision is None else phrase_verdict(decision)


# Not cached: it leaves something elsewhere, and leaving it twice changes nothing.
@task(name="track results", cache_policy=NO_CACHE, **RETRIES)
async def track_results(run_id: str, evaluation_ids: list[str]) -> None:
    """Put the tables of both splits into the training's Weights & Biases run, where it has one."""
    with resources() as (settings, store):
        run, tracking_id, steps = read_run(store, run_id), tracking_of(store, run_id), len(steps_of(store, run_id))
        evaluations = [find_evaluation(store, each) for each in evaluation_ids]
        await in_thread(track_evaluations, run, tracking_id, settings.home, evaluations, steps)


# Not cached: it leaves an artifact of this very run.
@task(name="publish results", cache_policy=NO_CACHE, **RETRIES)
async def publish_results(evaluation_id: str) -> None:
    """Show the results table in the Prefect UI."""
    with resources() as (_settings, store):
        table = results_markdown(load_results_table(store, evaluation_id))
    await show("results", table, f"evaluation {evaluation_id}")
