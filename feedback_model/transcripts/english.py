"""Whether a text is English, told by its commonest words: rubric, labels and models here know no other language."""

from typing import Final

ENOUGH: Final = 0.2
"""Share of words that are among the commonest in any English talk; other languages have a few of them by chance."""
_WORDS: Final = """
    the be is are was were been am to of and a an in that this these those it its i i'm it's that's don't you your we our
    they them their he she his her my not have has had do does did but for on with as at by from or if so what which who
    when where how can could will would should there here just about like know think people all some more one because then
    than out up
"""
_COMMON: Final = frozenset(_WORDS.split())


def seems_english(text: str) -> bool:
    """Tell whether enough words of `text` are common English ones; a text without words has none."""
    words = [word.strip(".,;:!?\"'()[]-") for word in text.lower().replace("\u2019", "'").split()]
    return sum(word in _COMMON for word in words) >= ENOUGH * max(1, len(words))
