"""The reference project's rules of reading and counting outputs, so that its published figures can be set beside ours.

`python benchmarks/reference_rules.py [EVALUATION]` counts an evaluation of your database (default: the newest on test) by
both sets of rules. Theirs are those of `scripts/evaluate_jsonl_format.py` in J-Ding00/LLM-fine-tune at 7fe2383, told anew:
repair what does not parse, take `int()` of whatever the score is, leave out whatever raises. An output that was repaired is
not one that an application can read, and `7.9`, `"7"` and `true` are not scores, so nothing of the service judges by them.
"""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from eval.metrics import Scores, common, individual, mean_squared_error
from eval.panel import as_scores
from eval.report.load import find_evaluation
from feedback_model.settings import Settings
from feedback_model.store.connection import Store, open_store
from feedback_model.store.datasets import read_dataset
from feedback_model.store.labels import labelled_transcripts
from feedback_model.store.predictions import read_outputs
from feedback_model.traits import MAX_SCORE, MIN_SCORE, TRAIT_KEYS

_FENCE = re.compile(r"```json\s*(?=\{)")
_FENCE_END = re.compile(r"\}\s*```")
_COMMA_BEFORE_CLOSING = re.compile(r",\s*([}\]])")


def judge_as_reference(raw: bytes) -> tuple[int, ...] | None:
    """The six scores that the reference project would read from an output, or None where it leaves it out. Never raises.

    Keys are ours (`filler_words`, `explanation`) where the reference has `filler words` and `feedback`. It looks at no end
    token, allows further keys, and keeps the last of two equal ones. For its MSE it repairs what parses as well, which
    changes texts but no scores, unless an explanation holds a brace; we do not.
    """
    text = raw.decode("utf-8", "replace")  # as a tokenizer's decode does
    try:
        return _scores(_parse(text))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return json.loads(repair_as_reference(text))


def repair_as_reference(text: str) -> str:
    """The part of `text` from a brace to a brace, commas before closing brackets dropped, one brace added where some lack."""
    block = _COMMA_BEFORE_CLOSING.sub(r"\1", _cut_out(text).strip())
    return block + "}" if block.count("{") > block.count("}") else block


def _cut_out(text: str) -> str:
    fence = _FENCE.search(text)
    fence_end = _FENCE_END.search(text, fence.end()) if fence else None
    if fence and fence_end:
        return text[fence.end() : fence_end.start() + 1]
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _scores(value: Any) -> tuple[int, ...] | None:
    traits = [value[key] for key in TRAIT_KEYS]
    scores = tuple(int(trait["score"]) for trait in traits)
    said = all(isinstance(trait, dict) and isinstance(trait["explanation"], str) for trait in traits)
    return scores if said and all(MIN_SCORE <= score <= MAX_SCORE for score in scores) else None


def measure_as_reference(
    labels: Scores, predictions: Mapping[str, Scores]
) -> dict[str, tuple[float | None, float | None]]:
    """Individual and common MSE of each model; a row of NaN in `predictions` is an output that is left out.

    Every trait has as many errors, so the mean over traits of their means is the mean of all.
    """
    shared = common(predictions.values())
    return {
        model: (
            mean_squared_error(labels[individual(said)], said[individual(said)]),
            mean_squared_error(labels[shared], said[shared]),
        )
        for model, said in predictions.items()
    }


def count_as_reference(store: Store, evaluation_id: str | None = None) -> list[list[Any]]:
    """Model, valid outputs, individual and common MSE of an evaluation, each figure by our rules and then by theirs."""
    evaluation = find_evaluation(store, evaluation_id)
    dataset = read_dataset(store, evaluation.dataset_id)
    items = labelled_transcripts(store, dataset.labelling_config, dataset_id=dataset.dataset_id, split=evaluation.split)
    labels, nothing = as_scores([item.scores for item in items]), (np.nan,) * len(TRAIT_KEYS)
    read: dict[str, Scores] = {}
    for result in evaluation.models:
        raw = {output.transcript_id: output.raw for output in read_outputs(store, result.inference_id)}
        judged = (judge_as_reference(raw.get(item.transcript_id, b"")) for item in items)
        read[result.model] = as_scores([scores or nothing for scores in judged])
    theirs = measure_as_reference(labels, read)
    return [
        [
            *(each.model, each.valid_strict, int(individual(read[each.model]).sum())),
            *(each.mse_individual, theirs[each.model][0], each.mse_common, theirs[each.model][1]),
        ]
        for each in evaluation.models
    ]


def main() -> None:
    """Print one evaluation by both sets of rules."""
    from results_page import table

    rows = count_as_reference(open_store(Settings().store_url), *sys.argv[1:2])
    print(table(["model", "strict", "reference", "MSE", "reference", "MSE common", "reference"], rows))


if __name__ == "__main__":
    main()
