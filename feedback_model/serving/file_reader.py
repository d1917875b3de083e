"""`python -m feedback_model.serving.file_reader NAME`: reads a file from standard input and prints its transcripts as JSON."""

import io
import resource
import sys
from itertools import islice
from typing import Any, Final

import orjson

from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.reading_options import Assumptions
from feedback_model.transcripts.sources import read_stream

MOST: Final = 20
"""Transcripts that are read of one file; `feedback score` reads any number."""
LONGEST: Final = 1_000_000
"""Characters of them all."""
CPU_SECONDS: Final = 15
MEMORY_BYTES: Final = 3 * 2**30  # of addresses, of which libraries take a third without using them


def read(body: bytes, name: str) -> dict[str, Any]:
    """Return the transcripts in a file, or as `error` why there are none."""
    assumptions = Assumptions()
    found = list(islice(read_stream(io.BytesIO(body), name, assumptions=assumptions), MOST + 1))
    transcripts = [each for each in found if not isinstance(each, Reject)]
    if not transcripts:
        reason = next((f": {each.reason}" for each in found if isinstance(each, Reject)), "")
        return {"error": f"{name} holds no transcript{reason}"}
    if sum(len(each.text) for each in transcripts) > LONGEST:
        return {"error": f"{name} holds more than {LONGEST:,} characters; let `feedback score` read it"}
    shown = [{"text": each.text, "document": each.document, "speaker": each.speaker} for each in transcripts[:MOST]]
    return {"transcripts": shown, "more": len(found) > MOST, "notes": assumptions.sentences()}


def main() -> None:
    """Read within bounds; beyond them the kernel ends this process, or it ends without a word."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.buffer.write(orjson.dumps(read(sys.stdin.buffer.read(), sys.argv[1])))


if __name__ == "__main__":
    main()
