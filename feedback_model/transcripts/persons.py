"""Persons behind the names of speakers: who is meant wherever the name stands, and which names are labels of one recording."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from feedback_model.records.recordings import Turn

_ROLES: Final = (
    *("speaker", "spk", "sp", "talker", "voice", "person", "user", "human", "assistant", "system", "bot", "model"),
    *("channel", "chan", "track", "side", "interlocutor", "interviewer", "interviewee", "moderator", "host", "co-host"),
    *(
        "guest",
        "participant",
        "respondent",
        "agent",
        "customer",
        "client",
        "caller",
        "operator",
        "presenter",
        "panelist",
    ),
    *("panellist", "student", "pupil", "teacher", "tutor", "professor", "instructor", "coach", "doctor", "nurse"),
    *("patient", "therapist", "counsellor", "counselor", "child", "mother", "father", "parent", "investigator"),
    *("examiner", "experimenter", "subject", "narrator", "audience", "reporter", "journalist", "anchor", "chairman"),
    *("chairwoman", "chairperson", "chair", "president", "secretary", "clerk", "judge", "witness", "counsel", "rep"),
    *("prosecutor", "defendant", "applicant", "candidate", "recruiter", "sales", "support", "anonymous", "iphone"),
    *(
        "ipad",
        "android",
        "unknown",
        "unidentified",
        "other",
        "others",
        "everyone",
        "all",
        "both",
        "man",
        "woman",
        "male",
    ),
    *("female", "question", "answer", "left", "right", "me", "you", "i", "we", "nobody", "none", "null", "n/a"),
    *("sprecher", "sprecherin", "moderatorin", "teilnehmer", "teilnehmerin", "locuteur", "locutrice", "intervenant"),
    *("intervenante", "orateur", "oratrice", "animateur", "hablante", "orador", "oradora", "entrevistador"),
    *(
        "entrevistadora",
        "entrevistado",
        "entrevistada",
        "moderador",
        "moderadora",
        "participante",
        "falante",
        "parlante",
    ),
    *("relatore", "relatrice", "intervistatore", "spreker", "talare", "mówca", "спикер", "участник", "говорящий"),
    *("المتحدث", "说话人", "发言人", "講者", "話者", "화자"),
)
_LABEL: Final = re.compile(
    rf"(?:the )?(?:unknown |unidentified |first |second |third |male |female |inter )?(?:{'|'.join(_ROLES)})"
    r"(?:[ _#.-]+[a-z])?"
    r"|(?:speaker|spk)[ _-]?(?:[a-z]|\d+)"
    r"|.*[^\W\d_][ _#.-]*\d+"  # whatever is numbered
    r"|[a-z\u0370-\u03ff\u0400-\u04ff]"  # one letter; one Han or Hangul character may be a family name
    r"|[\d\W_]*"
    r"|\[.*"  # what redaction puts in the place of a name
)
_CHILDES: Final = frozenset(  # roles of talkbank.org/manuals/CHAT.html, section 8.2, as their codes
    (
        *("chi", "mot", "fat", "inv", "par", "exa", "sis", "bro", "gra", "grm", "grf", "gfa", "gmo", "aun", "unc"),
        *("cou", "obs", "tea", "stu", "int", "adu", "vis", "fri", "pla", "cli"),
    )
)
_TOGETHER: Final = " + "
"""Between the names of those who speak at once, as Transcriber has them."""
_ASIDE: Final = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")  # behind a name: (Guest), [she/her]
_DOT_ABOVE: Final = "\u0307"  # that is left of a capital İ


def speakers_of(turns: Iterable[Turn]) -> tuple[str, ...]:
    """List those who speak, in the order in which they first do; turns without a name are passed over."""
    names = (name for turn in turns if turn.speaker for name in turn.speaker.split(_TOGETHER))
    return tuple({name: None for name in names if name.strip()})


def person_of(speaker: str) -> str | None:
    """Return a speaker's name in one spelling; None where it is a label that means somebody else in each recording."""
    name = plain_name(speaker)
    return None if _LABEL.fullmatch(name) or (speaker.isupper() and name in _CHILDES) else name


def plain_name(name: str) -> str:
    """Return a name as it is compared: without case, invisible characters, extra spaces, and a bracket behind it."""
    visible = "".join(each for each in unicodedata.normalize("NFKC", name) if unicodedata.category(each) != "Cf")
    folded = " ".join(visible.casefold().replace(_DOT_ABOVE, "").split())
    return (_ASIDE.sub("", folded) or folded).rstrip(" :;,")
