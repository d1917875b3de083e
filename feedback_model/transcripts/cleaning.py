"""Cleaning of text: as people send it -> as the service keeps it.

Unicode is composed (NFC), control characters and invisible ones go, spaces are single and each paragraph is one line.
Emoji, their joiners and the marks of right-to-left scripts stay: they are part of what was said.
"""

import re
import unicodedata

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
# Soft hyphen, zero-width space, word joiners, byte order mark, annotation marks: what copying out of a page leaves behind.
_INVISIBLE = re.compile(r"[\u00ad\u200b\u2060-\u2064\ufeff\ufff9-\ufffb]")
_LINE_END = re.compile(r"[\n\r\v\f\x85\u2028\u2029]+")
# Scripts written without spaces: Thai to Lao, Khmer, kana, Han. One character stands for one word there.
_SPACELESS = "\u0e00-\u0eff\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff"
WORD = re.compile(rf"[{_SPACELESS}]|[^\s{_SPACELESS}]+")
_MOST_MARKS = 30  # on one letter; no language has as many (Unicode Standard Annex 15, Stream-Safe Text Format)
_MAY_BE_MARKS = re.compile(rf"[^\x00-\x7f]{{{_MOST_MARKS // 3},}}")  # a character may stand for three


def clean_text(text: str) -> str:
    """`text` in the form in which it is kept, hashed and shown to models; may be empty."""
    if text.isascii() and text.isprintable():  # most of what is said: one line, and nothing to compose or leave out
        return " ".join(text.split())
    text = _INVISIBLE.sub("", _CONTROL.sub("", text))
    text = unicodedata.normalize("NFC", _MAY_BE_MARKS.sub(_without_heaps_of_marks, text))
    lines = (" ".join(line.split()) for line in _LINE_END.split(text))
    return "\n".join(line for line in lines if line)


def _without_heaps_of_marks(found: re.Match[str]) -> str:
    """Leave out the marks on a letter from the 31st on: the time that composing them takes grows with their square."""
    marks = 0
    kept: list[str] = []
    for character in found[0]:
        own = sum(map(bool, map(unicodedata.combining, unicodedata.normalize("NFD", character))))
        marks = marks + own if unicodedata.combining(character) else own
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)


def count_words(text: str) -> int:
    """Words of `text`; in scripts written without spaces, characters."""
    return len(WORD.findall(text))


def letter_share(text: str) -> float:
    """Return the part of the visible characters of `text` that are letters or their marks, 0 to 1; 0 where nothing is visible."""
    visible = "".join(text.split())
    letters = sum(map(str.isalpha, visible))
    if not visible.isascii():
        letters += sum(unicodedata.category(each)[0] == "M" for each in visible)
    return letters / len(visible) if visible else 0.0
