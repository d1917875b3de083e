"""The whole loop, once, on what has landed."""

from prefect import flow

from feedback_model.training.base_model import DEFAULT_BASE_MODEL
from flows.augment import augment
from flows.evaluate import evaluate
from flows.label import label
from flows.parameters import Again, BaseModel, Epochs, Labeller, Precision, Seed, Share
from flows.report import report
from flows.train import train
from tasks.endings import completed
from tasks.evaluation import tell_verdict
from tasks.landing import land_files
from tasks.stages import run_stage


@flow(
    name="pipeline",
    flow_run_name="{labeller} labels, {base_model}",
    description="Land, label, augment, train, infer, evaluate, report.",
)
async def pipeline(
    inputs: list[str] = [],  # noqa: B006 - Prefect shows the default in the form and copies it
    labeller: Labeller = "openai",
    base_model: BaseModel = DEFAULT_BASE_MODEL,
    epochs: Epochs = 3,
    precision: Precision = "float16",
    augmentation_share: Share = 0.1,
    seed: Seed = 0,
    again: Again = False,
) -> str:
    """Run every stage once; each does only what is missing. Returns the test evaluation's id."""
    if inputs:
        await land_files(inputs)
    await label(labeller)
    await augment(labeller, augmentation_share, seed)
    run_id = await run_stage(
        train,
        "train/gpu",
        labeller=labeller,
        base_model=base_model,
        epochs=epochs,
        precision=precision,
        seed=seed,
        again=again,
    )
    evaluation_id = await evaluate(run_id, again)
    await report(evaluation_id)
    return completed(evaluation_id, await tell_verdict(evaluation_id))
