"""Documents in XML: TTML, ELAN, Transcriber and YouTube's timed text; and pages in HTML."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from feedback_model.errors import InputError
from feedback_model.records.recordings import Turn
from feedback_model.transcripts.formats.times import seconds_of

_HTML: Final = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|p|div|span|article|section|h\d|table|ul|ol|dl|blockquote|pre)\b",
    re.IGNORECASE | re.DOTALL,
)
_INLINE: Final = re.compile(r"\s*<(b|strong|i|em|u|cite|time|font|a|small)\b[^<>]*>[^<>]*</\1>", re.IGNORECASE)
"""That a text about tags may begin with: here it must be closed."""
_XML: Final = re.compile(
    r"\s*(?:<\?xml\b|<!DOCTYPE\b|<(?:\w+:)?(?:tt|ANNOTATION_DOCUMENT|Trans|transcript|timedtext)[\s>])"
)
_BLOCKS: Final = frozenset(
    (
        *("p", "div", "li", "tr", "table", "ul", "ol", "dl", "dt", "dd", "section", "article", "blockquote", "pre"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "body", "header", "footer", "main"),
        *("td", "th", "time"),
    )
)
_SILENT: Final = frozenset(("script", "style", "head", "title", "noscript", "template", "svg", "nav"))
_TICKS: Final = re.compile(r"(\d+(?:\.\d+)?)(t|ms|f|h|m|s)")


def is_html(head: str) -> bool:
    """Tell whether a text begins as a page does, or a part of one."""
    return bool(_HTML.match(head[:4096]) or _INLINE.match(head[:4096]))


def is_xml(head: str) -> bool:
    """Tell whether a text begins as XML does, or with the tag of a known kind."""
    return bool(_XML.match(head[:4096]))


def html_text(text: str) -> str:
    """Return the text of a page, a line a paragraph; scripts, styles and titles are none."""
    import lxml.html

    root = lxml.html.document_fromstring(text.encode("utf-8", "replace"), parser=lxml.html.HTMLParser(encoding="utf-8"))
    lines = "".join(_text_of(root)).splitlines()
    return "\n".join(" ".join(line.split()) for line in lines if line.strip())


def _text_of(element: Any) -> Iterator[str]:
    tag = element.tag if isinstance(element.tag, str) else ""
    if tag in _SILENT or not tag:
        return
    if tag == "tr" and len(element) and all(child.tag == "th" for child in element):
        return  # names of columns
    breaks = "\n" if tag in _BLOCKS else ""
    yield breaks
    yield re.sub(r"\s+", " ", element.text or "")
    for child in element:
        yield from ["\n"] if child.tag == "br" else _text_of(child)
        yield re.sub(r"\s+", " ", child.tail or "")
    yield breaks


def read_xml(text: str) -> tuple[Turn, ...] | None:
    """Read the speech of a document; None where its kind is not known.

    Raises:
        InputError: it defines entities of its own, which may unfold without end, or it is no XML.
    """
    import lxml.etree

    if "<!ENTITY" in text:
        raise InputError("the XML defines entities of its own, which no transcript needs; take them out")
    parser = lxml.etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, recover=True, remove_comments=True, remove_pis=True
    )
    root = lxml.etree.fromstring(text.encode("utf-8", "replace"), parser)
    if root is None:
        raise InputError("the XML cannot be read; write the file again")
    reader = _ROOTS.get(lxml.etree.QName(root).localname.lower())
    return reader and tuple(turn for turn in reader(root) if turn.text)


def _named(root: Any, *names: str) -> Iterator[Any]:
    return (element for element in root.iter("{*}*") if element.tag.rpartition("}")[2].lower() in names)


def _words(element: Any) -> str:
    return " ".join(_broken(element).split())


def _broken(element: Any) -> str:
    """Return what stands in an element, a break of line as a space."""
    text = element.text or ""
    for child in element:
        tag = str(child.tag).rpartition("}")[2]
        text += ("" if tag == "metadata" else " " if tag == "br" else _broken(child)) + (child.tail or "")
    return text


def _attribute(element: Any, name: str) -> str | None:
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)


def _read_ttml(root: Any) -> Iterator[Turn]:
    """Timed Text Markup Language 2 (W3C, 2018): a `p` is a caption, its `agent` who speaks."""
    agents = {_attribute(each, "id"): _words(each) for each in _named(root, "agent")}
    rate = float(_attribute(root, "tickRate") or 10_000_000)
    for caption in _named(root, "p"):
        agent = _attribute(caption, "agent")
        start, end = (_offset(_attribute(caption, name), rate) for name in ("begin", "end"))
        yield Turn(agents.get(agent) or agent, start, end, _words(caption))


def _offset(value: str | None, tick_rate: float) -> float | None:
    found = _TICKS.fullmatch(value or "")
    if not found:
        clock, _, frames = (value or "").rpartition(":")
        return seconds_of(value) if clock.count(":") < 2 else _sum(seconds_of(clock), float(frames) / 30)
    unit = {"t": 1 / tick_rate, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "f": 1 / 30}[found[2]]
    return round(float(found[1]) * unit, 3)


def _sum(seconds: float | None, more: float) -> float | None:
    return None if seconds is None else round(seconds + more, 3)


def _read_elan(root: Any) -> Iterator[Turn]:
    """ELAN annotation format 3.0: tiers that depend on another (glosses, translations) are no speech."""
    slots = {each.get("TIME_SLOT_ID"): each.get("TIME_VALUE") for each in _named(root, "time_slot")}
    tiers = [each for each in _named(root, "tier") if not each.get("PARENT_REF")]
    turns = [_annotation(each, tier, slots) for tier in tiers for each in _named(tier, "alignable_annotation")]
    yield from sorted(turns, key=lambda turn: turn.start or 0.0)


def _annotation(element: Any, tier: Any, slots: dict[str, str]) -> Turn:
    start, end = (slots.get(element.get(f"TIME_SLOT_REF{number}")) for number in (1, 2))
    speaker = tier.get("PARTICIPANT") or tier.get("TIER_ID")
    return Turn(speaker, _milliseconds(start), _milliseconds(end), _words(element))


def _milliseconds(value: str | None) -> float | None:
    return None if value is None else float(value) / 1000


def _read_transcriber(root: Any) -> Iterator[Turn]:
    """Transcriber 1.4 (trans-14.dtd): a `Turn` with the text between its `Sync` marks; events are no speech."""
    speakers = {each.get("id"): each.get("name") for each in _named(root, "speaker")}
    for turn in _named(root, "turn"):
        name = turn.get("speaker") or ""
        speaker = " + ".join(speakers.get(each) or each for each in name.split()) or None
        text = " ".join([turn.text or "", *(each.tail or "" for each in turn)])
        yield Turn(speaker, seconds_of(turn.get("startTime")), seconds_of(turn.get("endTime")), " ".join(text.split()))


def _read_timed_text(root: Any) -> Iterator[Turn]:
    """YouTube's captions as it serves them: `text` with seconds, or `p` with milliseconds."""
    import html

    for each in _named(root, "text", "p"):
        unit, start, length = (
            (1, each.get("start"), each.get("dur")) if each.get("start") else (1000, each.get("t"), each.get("d"))
        )
        begins = None if start is None else float(start) / unit
        ends = None if begins is None or length is None else begins + float(length) / unit
        yield Turn(None, begins, ends, " ".join(html.unescape(_words(each)).split()))


_ROOTS: Final[dict[str, Callable[[Any], Iterator[Turn]]]] = {
    "tt": _read_ttml,
    "annotation_document": _read_elan,
    "trans": _read_transcriber,
    "transcript": _read_timed_text,
    "timedtext": _read_timed_text,
}
