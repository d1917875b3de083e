"""Ask every model of a training run for feedback on held-out transcripts."""

from prefect import flow

from feedback_model.inference.infer import asking_order
from flows.parameters import Again, Decodings, Helping, MaxNewTokens, RunId
from tasks.inference import find_run, generate, is_asked_elsewhere, list_models


@flow(
    name="infer",
    flow_run_name="infer {run_id}",
    description="Feedback from base, base-nf4 and every epoch on the validation and test transcripts.",
    persist_result=True,
    result_serializer="json",
)
async def infer(
    run_id: RunId = "",
    again: Again = False,
    max_new_tokens: MaxNewTokens = 0,
    decoding: Decodings = "every",
    helping: Helping = False,
) -> dict[str, dict[str, str]]:
    """Generate what is missing; returns, for each way of asking, the inference of each model that can be asked that way.

    An empty `run_id` means the latest run.
    """
    run_id = await find_run(run_id)
    found: dict[str, dict[str, str]] = {}
    for way, model in asking_order(await list_models(run_id), decoding, from_the_end=helping):
        if helping and await is_asked_elsewhere(run_id, model, max_new_tokens, way):
            continue
        if inference_id := await generate(run_id, model, again, max_new_tokens, way):
            found.setdefault(way, {})[model] = inference_id
    return found
