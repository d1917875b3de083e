"""Ask every model of a training run for feedback on held-out transcripts."""

from prefect import flow

from flows.parameters import Again, Decoding, MaxNewTokens, RunId
from tasks.endings import completed
from tasks.inference import find_run, generate, list_models


@flow(
    name="infer",
    flow_run_name="infer {run_id}",
    description="Feedback from base, base-nf4 and every epoch on the validation and test transcripts.",
    persist_result=True,
    result_serializer="json",
)
async def infer(
    run_id: RunId = "", again: Again = False, max_new_tokens: MaxNewTokens = 0, decoding: Decoding = "free"
) -> dict[str, str]:
    """Generate what is missing; returns the inference of each model. An empty `run_id` means the latest run."""
    run_id = await find_run(run_id)
    models = await list_models(run_id)
    found = {model: await generate(run_id, model, again, max_new_tokens, decoding) for model in models}
    asked = {model: inference_id for model, inference_id in found.items() if inference_id}
    return completed(asked, f"asked for {decoding}: {', '.join(asked) or 'no model can be'}")
