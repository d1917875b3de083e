"""Texts made to cost their reader the square of their length are read as fast as others."""

import time

import pytest

from feedback_model.transcripts.formats.captions import read_captions
from feedback_model.transcripts.formats.chat import read_chat
from feedback_model.transcripts.formats.markdown import markdown_text

CUE = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n"
HEAD = "@Begin\n*CHI:\t"


@pytest.mark.parametrize(
    ("read", "head", "part"),
    [
        (read_captions, CUE, "<v."),
        (read_captions, CUE, "<v "),
        (read_captions, CUE, "{\\"),
        (markdown_text, "# Title\n\n**a** b\n\n", "[a"),
        (markdown_text, "# Title\n\n**a** b\n\n", "![a"),
        (markdown_text, "# Title\n\n**a** b\n\n", "<!--"),
        (read_chat, HEAD, "[: "),
        (read_chat, HEAD, "1"),
    ],
)
def test_what_never_ends_is_read_once(read, head, part):
    """Processor time of 60,000 characters, for which the square of their length takes ten seconds and more."""
    text, began = head + part * (60_000 // len(part)), time.process_time()
    read(text)
    assert time.process_time() - began < 2.0
