"""Mending of texts that were damaged on their way: UTF-8 read as a Windows code page, and HTML's escapes left in plain text."""

import html
import re
from typing import Final

# How UTF-8's bytes look when they are taken for code page 1252; ftfy judges what has them.
_MOJIBAKE: Final = re.compile("[ÂÃâðÐÑÎÏÅ][\x80-\xbfŒœŠšŸŽžƒˆ˜–—‘’‚“”„†‡•…‰‹›€™]")  # noqa: RUF001
_ESCAPE: Final = re.compile(r"&(?:#\d{1,6}|#x[0-9a-fA-F]{1,5}|[a-zA-Z]{2,8}\d{0,2});")
MENDED: Final = "UTF-8 that was read as Windows-1252 mended"
UNESCAPED: Final = "HTML escapes such as &#39; unescaped"


def mend(text: str) -> tuple[str, list[str]]:
    """Return `text` mended, and what had to be."""
    done: list[str] = []
    if _MOJIBAKE.search(text):
        import ftfy

        fixed = ftfy.fix_encoding(text)
        if fixed != text:
            text, done = fixed, [MENDED]
    if _ESCAPE.search(text):
        plain = html.unescape(text)
        if plain != text:
            text, done = plain, [*done, UNESCAPED]
    return text, done
