"""Judging outputs with the present validator."""

from feedback_model.parsing import judge
from feedback_model.progress import track
from feedback_model.records import Split
from feedback_model.store.connection import Store
from feedback_model.store.judgements import outputs_to_judge, save_judgements

CHUNK = 500  # outputs judged and committed at once: at most half a second even where each needs repair


def judge_outputs(
    store: Store, model: str, inference_id: str, dataset_id: str, split: Split, *, again: bool = False
) -> int:
    """Judge what one inference said about one part of a dataset; commits as it goes.

    Args:
        model: what progress calls it.
        again: also what is judged already, in its place.

    Returns:
        How many were judged now.

    Raises:
        Interrupted: a stop was requested; what is judged is kept.
    """
    outputs = outputs_to_judge(store, inference_id, dataset_id, split, again=again)
    if not outputs:
        return 0
    progress = track(f"judge {model}", len(outputs))
    for start in range(0, len(outputs), CHUNK):
        chunk = outputs[start : start + CHUNK]
        judged = {name: judge(raw, finish) for name, raw, finish in chunk}
        save_judgements(store, inference_id, judged, again=again)
        progress.advance(len(chunk))
    return len(outputs)
