"""Registers of the demo's speakers: one plain sentence made casual or formal by exchanging words."""

import re
from functools import cache
from typing import Final

SLANG_TO: Final = 2
CASUAL_TO: Final = 4
FORMAL_FROM: Final = 8
"""Levels of formality up to which, or from which, a register is spoken; between them the plain one."""
_ARTICLE: Final = re.compile(r"\b([Aa])(?= [aeiou])")

CASUAL: Final = {
    "it is": "it's",
    "that is": "that's",
    "I am": "I'm",
    "we are": "we're",
    "you are": "you're",
    "do not": "don't",
    "is not": "isn't",
    "cannot": "can't",
    "there is": "there's",
    "we will": "we'll",
    "I will": "I'll",
    "because": "'cause",
    "we have": "we've",
}
"""Contractions, as plain talk has them."""
SLANG: Final = {
    "children": "kids",
    "families": "folks",
    "parents": "mom and dad",
    "money": "bucks",
    "many": "a lot of",
    "a few": "a couple of",
    "really": "super",
    "want": "wanna have",
    "have to": "gotta",
    "need": "gotta have",
    "glad of": "cool with",
    "fine": "okay",
    "visitors": "guys",
    "repair": "fix up",
    "renew": "redo",
    "look at": "check out",
}
"""Slang for plain words."""
FORMAL: Final = {
    "need": "require",
    "needs": "requires",
    "repair": "restore",
    "help": "assist",
    "found": "established",
    "shows": "demonstrates",
    "costs": "consumes",
    "town": "municipality",
    "money": "revenue",
    "wants": "requests",
    "want": "request",
    "looks": "appears",
    "better": "superior",
    "talked about": "considered",
    "care about": "are attentive to",
    "look at": "examine",
    "I like": "I appreciate",
    "really nice": "most agreeable",
    "renew": "replace",
    "renewed": "replaced",
    "build": "construct",
    "built": "constructed",
    "office": "administration",
    "open": "accessible",
    "the next": "the adjacent",
    "this year": "within the current year",
    "I think": "I consider that",
    "every winter": "in each winter season",
    "old": "antiquated",
    "maybe": "conceivably",
    "many families": "numerous families",
    "tell us": "inform the administration",
    "sorry for": "concerned for",
    "was painted": "received decoration",
    "a sign": "an announcement",
    "here to": "prepared to",
    "left side": "northern elevation",
    "Letters": "Written communications",
    "works": "functions satisfactorily",
    "fun": "gratifying",
    "a bit": "somewhat",
    "not much to say": "insufficient occasion for comment",
    "nothing more": "no further distinction",
}
"""Formal words for plain ones."""


def speak_in(sentence: str, level: int) -> str:
    """Return a plain `sentence` in the register of a formality `level`, 1..10."""
    if level <= SLANG_TO:
        return _exchange(_exchange(sentence, "slang"), "casual")
    if level <= CASUAL_TO:
        return _exchange(sentence, "casual")
    return _exchange(sentence, "formal") if level >= FORMAL_FROM else sentence


_TABLES: Final = {"slang": SLANG, "casual": CASUAL, "formal": FORMAL}


@cache
def _pattern(register: str) -> re.Pattern[str]:
    longest_first = sorted(map(re.escape, _TABLES[register]), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(longest_first)})\b", re.IGNORECASE)


def _exchange(sentence: str, register: str) -> str:
    by_plain = {plain.lower(): new for plain, new in _TABLES[register].items()}

    def other(found: re.Match[str]) -> str:
        new = by_plain[found[0].lower()]
        return new[0].upper() + new[1:] if found.start() == 0 else new

    return with_articles(_pattern(register).sub(other, sentence))


def with_articles(sentence: str) -> str:
    """Write `an` for `a` where a vowel follows."""
    return _ARTICLE.sub(r"\1n", sentence)


def continued(sentence: str) -> str:
    """Return `sentence` as it stands after an opener or `and`: its first letter small, but for `I`."""
    return sentence if sentence.startswith(("I ", "I'm")) else sentence[:1].lower() + sentence[1:]
