"""Markdown (CommonMark 0.31): its marks are taken off, so that a dialogue in it is read as one."""

import re
from typing import Final

_SIGNS: Final = re.compile(r"^#{1,6} \S|\*\*[^*\s][^*\n]*\*\*|^```|^\[[^\]\n]+\]\([^)\n]+\)|^> \S|^!\[", re.MULTILINE)
_FRONT_MATTER: Final = re.compile(r"\A---\n(?:[\w-]+:.*\n|[ \t]+.*\n|- .*\n)*---\n")
_MARKS: Final = (
    (re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL), ""),
    (re.compile(r"^(?:```|~~~).*$|^ {0,3}(?:[-*_] *){3,}$|^\|? *:?-{3,}.*$", re.MULTILINE), ""),
    (re.compile(r"^ {0,3}(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+)", re.MULTILINE), ""),
    (re.compile(r"!\[[^\[\]\n]*\]\([^)\n]{0,2000}\)"), ""),
    (re.compile(r"\[([^\[\]\n]+)\]\([^)\n]{0,2000}\)"), r"\1"),
    (re.compile(r"(?<![\w*])(\*{1,3})(?=\S)([^*\n]+?)(?<=\S)\1(?!\*)"), r"\2"),
    (re.compile(r"(?<![\w_])(_{1,3})(?=\S)([^_\n]+?)(?<=\S)\1(?![\w_])"), r"\2"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
    (re.compile(r"\\([\\`*_{}\[\]()#+.!>-])"), r"\1"),
)


def is_markdown(head: str) -> bool:
    """Tell whether a text has marks at the beginnings of lines that only Markdown has."""
    return len(_SIGNS.findall(head)) >= 2 or bool(_FRONT_MATTER.match(head)) or head.startswith("# ")


def markdown_text(text: str) -> str:
    """Return the text without its marks; images and what stands before it as data are none."""
    text = _FRONT_MATTER.sub("", text)
    for mark, instead in _MARKS:
        text = mark.sub(instead, text)
    return text
