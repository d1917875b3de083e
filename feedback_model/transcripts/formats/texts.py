"""Texts by their content: which format a decoded text is in, and the reader for it."""

import re
from collections.abc import Callable
from typing import Final

from feedback_model.errors import InputError
from feedback_model.records.recordings import Turn
from feedback_model.transcripts.formats.captions import is_captions, read_captions
from feedback_model.transcripts.formats.chat import is_chat, read_chat
from feedback_model.transcripts.formats.dialogue import read_dialogue
from feedback_model.transcripts.formats.markdown import is_markdown, markdown_text
from feedback_model.transcripts.formats.markup import html_text, is_html, is_xml, read_xml
from feedback_model.transcripts.formats.nist import (
    is_ctm,
    is_label_track,
    is_stm,
    read_ctm,
    read_label_track,
    read_stm,
)
from feedback_model.transcripts.formats.subtitles import is_microdvd, is_substation, read_microdvd, read_substation
from feedback_model.transcripts.formats.textgrid import is_textgrid, read_textgrid

HEAD_CHARACTERS: Final = 2**16
"""Of a text, that its format is told by."""
_CODE: Final = re.compile(
    r"[^\n]*-->[^\n]*|\s*<[^<>\n]+>\s*|\s*</?[\w:-]+[^<>\n]*>.*</[\w:-]+>\s*|\s*[\[{}\]]+,?\s*|\s*\"\w+\":.*|\s*\w+=\S+\s+\w+=\S.*"
    r"|.* <NA> .*|[^\n]*\t[^\n]*\d[.:]\d+\t[^\n]*\d[.:]\d+\t[^\n]*"
)
_HINTS: Final = re.compile(
    r"-->|^[ \t]*[<\[{(\"@*>]|^[^\n!?;,(\[]{1,45}(?:[:：\t]|[(\[][\d:.]+[)\]]:?[ \t]*$)|^[ \t]*\d",  # noqa: RUF001
    re.MULTILINE,
)
"""Beginnings of lines as captions, dialogues and markup have them: millions of texts in tables have none, and are spared."""

Reader = Callable[[str], tuple[Turn, ...]]


def reader_of(head: str) -> Reader | None:
    """Return the reader of a text that is all of one format; None where it is prose, a dialogue or a table."""
    start = head.lstrip("\ufeff \t\r\n")
    return next((reader for tells, reader in _FORMATS if tells(start)), None)


def read_prose(text: str) -> tuple[Turn, ...]:
    """Read a text that people wrote: a dialogue where it is one, else itself, whole.

    Raises:
        InputError: its lines look like captions or markup, which nobody spoke.
    """
    turns = read_dialogue(text)
    if turns is not None:
        return turns
    lines = [line for line in text.splitlines() if line.strip()]
    if sum(map(bool, map(_CODE.fullmatch, lines))) > max(2, 0.3 * len(lines)):
        raise InputError("its lines look like captions, markup or code of no known format; save it as text, VTT or SRT")
    return (Turn(None, None, None, text),)


def read_text(text: str) -> tuple[Turn, ...]:
    """Read a text of any format but a table's, such as a document of a word processor holds.

    Raises:
        InputError: it cannot be read.
    """
    return (reader_of(text[:HEAD_CHARACTERS]) or read_prose)(text)


def read_cell(text: str) -> tuple[Turn, ...]:
    """Read a text that stands in a table or in JSON; stars and signs of Markdown stay, for many write them in such texts.

    Raises:
        InputError: its lines look like captions or markup, which nobody spoke.
    """
    if len(_HINTS.findall(text[:HEAD_CHARACTERS])) < 2 and not is_html(text):
        return (Turn(None, None, None, text),)
    reader = reader_of(text[:HEAD_CHARACTERS])
    return (read_prose if reader in (None, _read_markdown) else reader)(text)  # type: ignore[misc]  # None is left out


def _read_xml(text: str) -> tuple[Turn, ...]:
    turns = read_xml(text)
    if turns is None and is_html(text):
        return _read_html(text)
    if turns is None:
        raise InputError("it is XML of no known kind (TTML, ELAN, Transcriber); save it as text, VTT or SRT")
    return turns


def _read_html(text: str) -> tuple[Turn, ...]:
    return read_prose(html_text(text))


def _read_markdown(text: str) -> tuple[Turn, ...]:
    return read_prose(markdown_text(text))


_FORMATS: Final[tuple[tuple[Callable[[str], bool], Reader], ...]] = (
    (is_captions, read_captions),
    (is_substation, read_substation),
    (is_microdvd, read_microdvd),
    (is_xml, _read_xml),
    (is_html, _read_html),
    (is_chat, read_chat),
    (is_textgrid, read_textgrid),
    (is_stm, read_stm),
    (is_ctm, read_ctm),
    (is_label_track, read_label_track),
    (is_markdown, _read_markdown),
)
