"""The encoding of a text, told by its bytes: UTF-8, UTF-16 and UTF-32 with and without a mark, and the code pages of Windows.

A mark at the beginning decides (Unicode Standard, section 23.8); what is valid UTF-8 with hardly a NUL character is UTF-8; for
the rest, encodings are compared. What was not certain is told, for `--encoding` to overrule.
"""

import codecs
import re
import unicodedata
from collections import Counter
from typing import Final

SAMPLE_BYTES: Final = 2**20
"""Of a text, that its encoding is told by."""
_MARKS: Final = (  # UTF-32's begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CODE_PAGES: Final = ["cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"]
_OTHERS: Final = ["koi8_r", "gb18030", "big5", "cp932", "cp949"]
_LATIN: Final = frozenset({"cp1250", "cp1252", "cp1254", "cp1257"})
# What western European text has in code page 1252. Where other Latin pages have their letters, 1252 has what stands out here.
_WESTERN: Final = re.compile(
    "[\x00-\x7f\xa0¡«»©®°·€‚„…†‡‰‹Œœ‘’“”•–—™›£§ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿ¿]*"  # noqa: RUF001
)
_INSIDE_A_WORD: Final = re.compile(r"(?<=\w)[¿¡]\w|[a-z][À-Þ]")  # Polish and Turkish letters that are these in 1252


def encoding_of(sample: bytes) -> tuple[str, bool] | None:
    """Tell the encoding of a text by its beginning, and whether that is certain; None where it is no text at all."""
    marked = next((name for mark, name in _MARKS if sample.startswith(mark)), None)
    if marked:
        return marked, True
    if sample.count(b"\0") > len(sample) / 100:  # fewer are slips in a text of single bytes
        wide = _wide(sample)
        return (wide, False) if wide else None
    if _is_utf8(sample):
        return "utf-8", True
    page = _code_page(sample)
    return (page, False) if page else None


def _is_utf8(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def _wide(sample: bytes) -> str | None:
    """Return the UTF-16 in which `sample` makes sense: in the wrong order of bytes, letters come from everywhere."""
    likely = [(name, _sense(sample, name)) for name in ("utf-16-le", "utf-16-be")]
    best, sense = max(likely, key=lambda each: each[1])
    return best if sense > 0.9 else None


def _sense(sample: bytes, encoding: str) -> float:
    """Return the share of characters that are letters, marks, spaces and signs of the sample's main scripts, 0 to 1."""
    text = sample[:4096].decode(encoding, "ignore")
    blocks = Counter(ord(each) // 128 for each in text if unicodedata.category(each)[0] in "LMNPZ" or each in "\r\n\t")
    main = sum(count for block, count in blocks.most_common(3) if block < 8 or count > 3)
    usual = sum(each in " \n,." for each in text)
    return main / len(text) if text and usual else 0.0


def _code_page(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    part = sample[: 2**14] if any(each > 127 for each in sample[: 2**14]) else _around_first_high(sample)
    if sum(each < 32 and each not in b"\t\n\v\f\r\x1b" for each in part) > len(part) / 100:
        return None
    found = from_bytes(part, cp_isolation=_CODE_PAGES + _OTHERS).best()
    if found is None or found.encoding in _LATIN:
        return "cp1252" if _is_western(part) else found and found.encoding
    return found.encoding


def _around_first_high(sample: bytes) -> bytes:
    first = next(number for number, each in enumerate(sample) if each > 127)
    return sample[max(0, first - 2**13) : first + 2**13]


def _is_western(part: bytes) -> bool:
    text = part.decode("cp1252", "replace")
    return bool(_WESTERN.fullmatch(text)) and not _INSIDE_A_WORD.search(text)
