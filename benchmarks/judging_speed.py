"""Outputs judged per second on one core, beside parsers that judge nothing.

`python benchmarks/judging_speed.py`; one core, about a minute. Not collected by pytest. The aim: 150,000 well-formed
outputs per second. The peers only parse: they let duplicate keys, `7.0` and missing traits through, and know no offsets.
"""

import json
import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import orjson
from reference_rules import judge_as_reference
from results_page import table, write_results

from feedback_model.feedback import Feedback, TraitFeedback, render_feedback
from feedback_model.parsing import judge
from feedback_model.traits import TRAIT_KEYS

SEED, OUTPUTS, ROUNDS = 20261124, 10_000, 9
SENTENCES = (
    "The speaker opens warmly.",
    "Three reasons are listed, and none is linked to the next.",
    "Er and like stand in nearly every clause.",
    "The claim has no support at all.",
    "It is lively, even eager, from the first line on.",
    "The wording is precise throughout, down to the last example.",
)


def well_formed(rng: random.Random) -> bytes:
    """Feedback as the service's models are trained to write it: about 900 bytes."""
    explanations = (" ".join(rng.choices(SENTENCES, k=2)) for _ in TRAIT_KEYS)
    traits = tuple(TraitFeedback(rng.randint(1, 10), words) for words in explanations)
    return render_feedback(Feedback(traits)).encode()


def damaged(raw: bytes, rng: random.Random) -> bytes:
    """One of the ways in which models' outputs fail."""
    ways: list[Callable[[bytes], bytes]] = [
        lambda text: text[: len(text) * 2 // 3],
        lambda text: b"Sure! Here is the feedback:\n" + text,
        lambda text: text.replace(b'", "', b'" "', 1),
        lambda text: text.replace(b'"score": ', b'"score": 1', 1),
        lambda text: text.replace(b'{"score"', b'{"score": 7, "score"', 1),
    ]
    return rng.choice(ways)(raw)


def with_standard_library(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def with_orjson(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except ValueError:
        return None


JUDGES: dict[str, Callable[[bytes], Any]] = {
    "`judge`, strict": judge,
    "the reference's rules": judge_as_reference,
    "json.loads alone": with_standard_library,
    "orjson.loads alone": with_orjson,
}


def rates(outputs: list[bytes]) -> dict[str, list[float]]:
    """Outputs per second of each judge in each round; in turns, so that what else the machine does hits all alike."""
    found: dict[str, list[float]] = {name: [] for name in JUDGES}
    for _ in range(ROUNDS):
        for name, judged_by in JUDGES.items():
            started = time.perf_counter()
            for raw in outputs:
                judged_by(raw)
            found[name].append(len(outputs) / (time.perf_counter() - started))
    return found


def rate_rows(found: dict[str, list[float]]) -> list[list[object]]:
    ours = found["`judge`, strict"]
    return [
        [
            name,
            f"{median(each):,.0f}",
            f"{max(each):,.0f}",
            f"{median(a / b for a, b in zip(ours, each, strict=True)):.2f}",
        ]
        for name, each in found.items()
    ]


def main() -> None:
    started, rng = time.process_time(), random.Random(SEED)
    outputs = [well_formed(rng) for _ in range(OUTPUTS)]
    mixed = [damaged(raw, rng) if rng.random() < 0.2 else raw for raw in outputs]
    broken = [damaged(raw, rng) for raw in outputs[: OUTPUTS // 10]]
    header = ["", "outputs/s, median round", "best round", "`judge` is so many times as fast"]
    size = sum(map(len, outputs)) / len(outputs)
    parts = [
        ("Well-formed", outputs),
        ("One in five fails, in five ways alike", mixed),
        ("All fail", broken),
    ]
    tables = "\n\n".join(f"## {title}\n\n{table(header, rate_rows(rates(part)))}" for title, part in parts)
    body = f"""# The speed of judging

{len(outputs):,} outputs of {size:.0f} bytes on average, one core, {ROUNDS} rounds in turns. The aim is 150,000 well-formed
outputs per second. The peers only parse, or repair and guess; none of them sees a duplicate key.

{tables}

Repairing, to tell a repairable output from a lost one, is the library json-repair's and takes nearly all of the time of an
output that fails.
"""
    write_results("judging_speed", ["orjson", "json_repair"], time.process_time() - started, body)


if __name__ == "__main__":
    main()
