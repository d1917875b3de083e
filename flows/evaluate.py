"""Measure every model of a training run, choose the best epoch, and decide about the champion."""

from contextlib import nullcontext
from typing import Any

from prefect import flow

from feedback_model.records.evaluation import DECODINGS, SERVING_DECODINGS, Decoding
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
from tasks.sharing import helped
from tasks.stages import run_stage


@flow(
    name="evaluate",
    flow_run_name="evaluate {run_id}",
    description="Validity and MSE of every model against the labels; the best epoch is chosen on validation.",
)
async def evaluate(run_id: RunId = "", again: Again = False, max_new_tokens: MaxNewTokens = 0) -> str:
    """Infer what is missing, then measure validation and test under every way of asking; returns the test evaluation's id.

    The one of `free` answers, which is the mission's own measure.
    """
    run_id = await find_run(run_id)
    await fix_promotion_rules()
    inferences = await _infer(run_id, again, max_new_tokens)
    evaluations = {
        decoding: await _measure(run_id, decoding, inferences[decoding], again)
        for decoding in DECODINGS
        if decoding in inferences
    }
    verdict = await choose_champion([evaluations[each] for each in SERVING_DECODINGS if each in evaluations])
    validation, test = evaluations["free"]
    await publish_results(test)
    await track_results(run_id, [validation, test])
    return completed(test, verdict)


async def _infer(run_id: str, again: bool, max_new_tokens: int) -> dict[str, dict[str, str]]:
    """Ask every model in every way, on each host that works for the accelerator's pool."""
    asked: dict[str, Any] = {"run_id": run_id, "max_new_tokens": max_new_tokens, "decoding": "every"}
    async with helped("infer/gpu", **asked, helping=True) if not again else nullcontext():
        return await run_stage(infer, "infer/gpu", **asked, again=again)


async def _measure(run_id: str, decoding: Decoding, inferences: dict[str, str], again: bool) -> tuple[str, str]:
    """Measure both parts under one way of asking; returns the evaluations' ids."""
    validation = await measure(run_id, "validation", inferences, again, None, decoding)
    return validation, await measure(run_id, "test", inferences, again, await pick_best_epoch(validation), decoding)
