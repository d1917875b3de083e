"""Train once more without augmentation, and measure both on the same real test transcripts."""

from prefect import flow

from feedback_model.records.training import UNAUGMENTED
from flows.infer import infer
from flows.parameters import Again, RunId
from flows.report import report
from flows.train import train
from tasks.augmentation import check_augmented, tell_effect
from tasks.endings import completed
from tasks.evaluation import measure, pick_best_epoch, publish_results
from tasks.inference import find_run
from tasks.stages import run_stage


@flow(
    name="prove-augmentation",
    flow_run_name="prove {run_id}",
    description="The same training without the rewrites, measured beside the one with them.",
)
async def prove_augmentation(run_id: RunId = "", again: Again = False) -> str:
    """Repeat a run without its rewrites and measure both side by side; returns the test evaluation's id.

    Each run's best epoch is chosen on validation. Nothing is decided about the champion: the run was judged already.
    """
    run_id = await find_run(run_id)
    await check_augmented(run_id)
    control_id = await run_stage(train, "train/gpu", control_of=run_id, again=again)
    controls = (await run_stage(infer, "infer/gpu", run_id=control_id, again=again, decoding="free"))["free"]
    best_control = await pick_best_epoch(await measure(control_id, "validation", controls, again))
    inferences = (await run_stage(infer, "infer/gpu", run_id=run_id, decoding="free"))["free"]
    best_epoch = await pick_best_epoch(await measure(run_id, "validation", inferences, False))
    both = inferences | {UNAUGMENTED: controls[best_control]}
    test = await measure(run_id, "test", both, again, best_epoch)
    await publish_results(test)
    await report(test)
    return completed(test, await tell_effect(test))
