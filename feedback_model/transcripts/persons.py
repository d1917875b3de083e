"""Persons behind the names of speakers: who is meant wherever the name stands, and which names are labels of one recording."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from feedback_model.records.recordings import Turn
from feedback_model.transcripts.formats.names import ROLE

_NUMBERED: Final = r"(?:[ _#.-]+[a-z]|[ _#.-]*\d+)?"
_KINDS: Final = (
    *(
        "speaker",
        "spk",
        "sp",
        "talker",
        "voice",
        "person",
        "user",
        "human",
        "assistant",
        "system",
        "bot",
        "ai",
        "model",
    ),
    *("channel", "chan", "track", "side", "interlocutor", "interviewer", "interviewee", "moderator", "host", "guest"),
    *(
        "participant",
        "respondent",
        "agent",
        "customer",
        "caller",
        "operator",
        "presenter",
        "student",
        "pupil",
        "teacher",
    ),
    *("doctor", "patient", "child", "mother", "father", "parent", "investigator", "examiner", "narrator", "audience"),
    *("unknown", "unidentified", "other", "others", "everyone", "all", "both", "man", "woman", "male", "female"),
    *("question", "answer", "left", "right", "me", "you", "i", "we", "nobody", "none", "null", "n/a"),
    *(
        "sprecher",
        "sprecherin",
        "locuteur",
        "locutrice",
        "hablante",
        "orador",
        "falante",
        "parlante",
        "spreker",
        "спикер",
    ),
)
_LABEL: Final = re.compile(
    rf"(?:the )?(?:unknown |unidentified |first |second |third |male |female |inter )?(?:{'|'.join(_KINDS)}){_NUMBERED}"
    r"|(?:speaker|spk)[ _-]?\w{1,3}|[a-z]{1,2}[ _-]?\d+|[^\W\d_]|[\d\W_]+"
)
_CHILDES: Final = frozenset(  # roles of talkbank.org/manuals/CHAT.html, section 8.2, as their codes
    (
        *("chi", "mot", "fat", "inv", "par", "exa", "sis", "bro", "gra", "grm", "grf", "gfa", "gmo", "aun", "unc"),
        *("cou", "obs", "tea", "stu", "int", "adu", "vis", "fri", "pla", "cli"),
    )
)
_TOGETHER: Final = " + "
"""Between the names of those who speak at once, as Transcriber has them."""


def speakers_of(turns: Iterable[Turn]) -> tuple[str, ...]:
    """List those who speak, in the order in which they first do; turns without a name are passed over."""
    names = (name for turn in turns if turn.speaker for name in turn.speaker.split(_TOGETHER))
    return tuple({name: None for name in names if name.strip()})


def person_of(speaker: str) -> str | None:
    """Return a speaker's name in one spelling; None where it is a label that means somebody else in each recording."""
    name = plain_name(speaker)
    is_label = (
        _LABEL.fullmatch(name) or ROLE.fullmatch(name) or (speaker.isupper() and name.rstrip("0123456789") in _CHILDES)
    )
    return None if is_label or not name else name


def plain_name(name: str) -> str:
    """Return a name as it is compared: in whatever case and with whatever spaces it is written."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
