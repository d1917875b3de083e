"""Texts read as files are, for tests that compare the turns in them."""

import io

from feedback_model.records.recordings import Recording
from feedback_model.store.transcripts import Reject
from feedback_model.transcripts.files import read_stream
from feedback_model.transcripts.reading_options import Assumptions, ReadingOptions

ANA, BEN = "Good morning, all.", "Thank you, Ana."
TURNS = [("Ana Ruiz", ANA), ("Ben Okafor", BEN), ("Ana Ruiz", "Please go on."), ("Ben Okafor", "It rained.")]
PLAIN = [text for _, text in TURNS]


def read(text: str | bytes) -> list[tuple[str | None, str]]:
    found = list(
        read_stream(
            io.BytesIO(text if isinstance(text, bytes) else text.encode()), "talk", ReadingOptions(), Assumptions()
        )
    )
    assert all(isinstance(each, Recording) for each in found)
    return [(turn.speaker, turn.text) for each in found if isinstance(each, Recording) for turn in each.turns]


def texts(text: str) -> list[str]:
    return [said for _, said in read(text)]


def srt(*captions: str) -> str:
    return "\n\n".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{said}" for n, said in enumerate(captions, start=1))


def refused(text: str) -> str:
    """Return the code with which a text is refused."""
    (found,) = read_stream(io.BytesIO(text.encode()), "talk", ReadingOptions(), Assumptions())
    assert isinstance(found, Reject)
    return found.code
