"""Measuring models against labels, and deciding about the champion."""

import asyncio

from prefect import get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact

from eval.evaluation import choose_best_epoch, evaluate
from eval.gate import decide
from eval.report.table import results_markdown
from feedback_model.errors import MissingStage
from feedback_model.records import Split
from feedback_model.store.connection import Store
from feedback_model.store.datasets import read_dataset
from feedback_model.store.evaluation_records import Evaluation
from feedback_model.store.evaluations import read_evaluation, record_decision
from feedback_model.store.training import read_run
from tasks.resources import resources


@task(name="measure", task_run_name="measure {split}")
async def measure(
    run_id: str, split: Split, inferences: dict[str, str], again: bool, best_epoch: str | None = None
) -> str:
    """Judge what is not judged yet and compare it with the labels; returns the evaluation's id."""
    with resources() as (_settings, store):
        dataset = read_dataset(store, read_run(store, run_id).dataset_id)
        evaluation = await asyncio.to_thread(
            evaluate, store, dataset, split, inferences, run_id, best_epoch=best_epoch, again=again
        )
    return evaluation.evaluation_id


@task(name="pick best epoch")
async def pick_best_epoch(validation_id: str) -> str | None:
    """The epoch with the lowest worst-case MSE on validation; None where no epoch can be told."""
    with resources() as (_settings, store):
        best = choose_best_epoch(_evaluation(store, validation_id))
    get_run_logger().info("best epoch on validation: %s", best)
    return best


@task(name="choose champion")
async def choose_champion(validation_id: str, test_id: str) -> str:
    """Decide whether the best epoch becomes champion, and book the decision with its evidence; returns the verdict."""
    with resources() as (_settings, store):
        decision = decide(_evaluation(store, validation_id), _evaluation(store, test_id))
        record_decision(store, decision)
    get_run_logger().info("%s: %s", decision.verdict, "; ".join(decision.reasons))
    return decision.verdict


@task(name="publish results")
async def publish_results(evaluation_id: str) -> None:
    """Show the results table in the Prefect UI."""
    with resources() as (_settings, store):
        table = results_markdown(store, evaluation_id)
    await acreate_markdown_artifact(key="results", markdown=table, description=f"evaluation {evaluation_id}")


def _evaluation(store: Store, evaluation_id: str) -> Evaluation:
    evaluation = read_evaluation(store, evaluation_id)
    if evaluation is None:
        raise MissingStage(f"there is no evaluation {evaluation_id}; run `feedback evaluate` first")
    return evaluation
