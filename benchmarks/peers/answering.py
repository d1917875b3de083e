"""What the sides of `decoding_speed.py` share: read the work, open, answer one by one and in bulk, tell what it took."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Answer = Callable[[list[str]], "list[Said]"]


@dataclass(frozen=True, slots=True)
class Said:
    """One answer."""

    text: str
    n_tokens: int


def ask_with(generator: Any) -> Answer:
    """What answers with a generator of this project."""

    def answer(texts: list[str]) -> list[Said]:
        return [Said(output.raw.decode("utf-8", "replace"), output.n_tokens) for output in generator.generate(texts)]

    return answer


def answer_in(open_side: Callable[[dict[str, Any]], tuple[Answer, str]]) -> None:
    """Do the work that the first argument names, and print what it took, in CPU seconds of this process."""
    work = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    answer, computes = open_side(work)
    opened = time.process_time()
    answer(work["alone"][:1])
    first = time.process_time()
    alone = [(answer([text]), time.process_time())[1] for text in work["alone"]]
    bulk, size = work["bulk"], work["at_once"]
    said = [each for start in range(0, len(bulk), size) for each in answer(bulk[start : start + size])]
    took = {"opened": opened, "first": first - opened, "alone": (alone[-1] - first) / len(alone)}
    took |= {"bulk": (time.process_time() - alone[-1]) / len(said), "computes": computes}
    print(json.dumps({**took, "said": [asdict(each) for each in said]}))
