"""Names of speakers as they stand before what was said."""

import re
from typing import Final

_WORD: Final = r"(?:[A-ZÀ-ÞĀ-ŽΑ-ΩА-Я][\w.'’()-]*|\d{1,3})"  # noqa: RUF001  an apostrophe as typographers set it
_PARTICLE: Final = r"(?:van|von|de|der|den|da|di|do|dos|la|le|del|du|al|bin|ibn|y|e|of|the|und|and|zu|ter)"
_TITLE: Final = r"(?:, (?:MD|PhD|Ph\.D\.|Esq\.|Jr\.|Sr\.))?(?: \([^()\d\n]{1,40}\))?"
NAME: Final = rf"(?P<name>[^\W\d_](?<![a-zß-þа-я])[\w.'’()-]*(?:[ _-]{{1,2}}(?:{_WORD}|{_PARTICLE})){{0,5}}{_TITLE})"  # noqa: RUF001
"""A name as people and programs write it: each word with a capital, but for particles and numbers."""
ROLE: Final = re.compile(
    r"(?i)(?:speaker|spk|interviewer|interviewee|moderator|host|guest|participant|respondent|agent|customer|caller|operator|"
    r"presenter|student|teacher|doctor|patient|unknown speaker|[spqa])[ _#]?\d*"
)
_NO_NAME: Final = re.compile(
    r"(?i)(?:note|notes|nb|ps|warning|tip|example|figure|fig|table|step|chapter|section|part|question|answer|date|time|"
    r"subject|topic|title|summary|agenda|attendees|location|source|update|edit|monday|tuesday|wednesday|thursday|friday|"
    r"saturday|sunday|at|in|on|by|from|until|http|https)\b.*"
)
_ENDS_A_SENTENCE: Final = re.compile(r"(?<!\b[A-Z])(?<!\b[JSDM]r)\.$")  # "Bye.", but not "Ana R." or "Ruiz Jr."


def is_name(found: str) -> bool:
    """Tell a name from a word that stands in the place of one: `Note`, `Monday`."""
    return bool(ROLE.fullmatch(found)) or not (_NO_NAME.fullmatch(found) or _ENDS_A_SENTENCE.search(found))
