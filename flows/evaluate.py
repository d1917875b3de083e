"""Measure every model of a training run, choose the best epoch, and decide about the champion."""

from typing import Final

from prefect import flow

from feedback_model.records.evaluation import SERVING_DECODINGS, Decoding
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

OTHER_DECODINGS: Final[tuple[Decoding, ...]] = ("template", "direct")
"""Ways of asking beside `free`, which is the mission's own measure."""


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
    measured = [(validation, test)]
    for decoding in OTHER_DECODINGS:
        found = await _measure_decoding(run_id, decoding, again, max_new_tokens)
        measured += [found] if found and decoding in SERVING_DECODINGS else []
    verdict = await choose_champion(measured)
    await publish_results(test)
    await track_results(run_id, [validation, test])
    return completed(test, verdict)


async def _measure_decoding(
    run_id: str, decoding: Decoding, again: bool, max_new_tokens: int
) -> tuple[str, str] | None:
    """Measure both parts under another way of asking, those models that can be asked that way; returns the evaluations' ids."""
    inferences = await run_stage(
        infer, "infer/gpu", run_id=run_id, again=again, max_new_tokens=max_new_tokens, decoding=decoding
    )
    if not inferences:
        return None
    validation = await measure(run_id, "validation", inferences, again, None, decoding)
    return validation, await measure(run_id, "test", inferences, again, await pick_best_epoch(validation), decoding)
