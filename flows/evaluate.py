"""Measure every model of a training run, choose the best epoch, and decide about the champion."""

from prefect import flow

from flows.infer import infer
from flows.parameters import Again, MaxNewTokens, RunId
from tasks.endings import completed
from tasks.evaluation import (
    choose_champion,
    fix_promotion_rules,
    measure,
    pick_best_epoch,
    publish_results,
    track_results,
)
from tasks.inference import find_run
from tasks.stages import run_stage


@flow(
    name="evaluate",
    flow_run_name="evaluate {run_id}",
    description="Validity and MSE of every model against the labels; the best epoch is chosen on validation.",
)
async def evaluate(run_id: RunId = "", again: Again = False, max_new_tokens: MaxNewTokens = 0) -> str:
    """Infer what is missing, then measure validation and test; returns the test evaluation's id."""
    run_id = await find_run(run_id)
    await fix_promotion_rules()
    inferences = await run_stage(infer, "infer/gpu", run_id=run_id, again=again, max_new_tokens=max_new_tokens)
    validation = await measure(run_id, "validation", inferences, again)
    best_epoch = await pick_best_epoch(validation)
    test = await measure(run_id, "test", inferences, again, best_epoch)
    verdict = await choose_champion(validation, test)
    await publish_results(test)
    await track_results(run_id, [validation, test])
    return completed(test, verdict)
