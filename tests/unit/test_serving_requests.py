"""What a server reads of a request before it asks anything: who sends it, its body, its parameters."""

import asyncio
import json

import pytest
from starlette.requests import Request

from feedback_model.serving.chat_requests import read_chat
from feedback_model.serving.request_bodies import BODY_BYTES, read_object
from feedback_model.serving.request_errors import RequestError
from feedback_model.serving.senders import host_names
from tests.builders import a_speech

TALK = a_speech(1, 30)
CHAT = {"model": "champion", "messages": [{"role": "user", "content": TALK}]}


def a_request(*chunks, ends=True):
    """A request whose body comes in `chunks`, and then ends, or else stays away."""
    coming = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    coming += [{"type": "http.request", "body": b"", "more_body": False}] * ends

    async def receive():
        return coming.pop(0) if coming else await asyncio.Event().wait()

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def test_a_body_may_come_in_parts():
    assert await read_object(a_request(b'{"te', b'xt": ', b'"a"}')) == {"text": "a"}


async def test_a_body_that_stays_away_is_given_up():
    with pytest.raises(RequestError, match=r"did not come within 0\.01 s") as refused:
        await read_object(a_request(b"{", ends=False), seconds=0.01)
    assert refused.value.status == 408


async def test_a_body_that_grows_is_cut_short():
    with pytest.raises(RequestError, match="larger than 1 MiB") as refused:
        await read_object(a_request(*[b" " * 65_536] * (BODY_BYTES // 65_536 + 1), ends=False))
    assert refused.value.status == 413


@pytest.mark.parametrize(
    ("bound_to", "others", "known", "unknown"),
    [
        (
            "127.0.0.1",
            [],
            ["127.0.0.1", "127.0.0.1:80", "localhost:1", "[::1]:1", "127.8.8.8"],
            ["10.0.0.1", "a.example"],
        ),
        ("localhost", [], ["localhost"], ["localhost.a.example", "0.0.0.0", ""]),
        (
            "0.0.0.0",
            ["talks.example"],
            ["10.0.0.1:80", "talks.example:443", "TALKS.example"],
            ["a.example", "x@a.example"],
        ),
        ("::", [], ["[fe80::1]:1", "localhost"], ["[fe80::1", "::1:x y"]),
    ],
)
def test_names_that_a_server_answers_to(bound_to, others, known, unknown):
    names = host_names(bound_to, others)
    assert [host for host in known if not names.include(host)] == []
    assert [host for host in unknown if names.include(host)] == []


def test_the_last_message_of_the_user_is_asked():
    earlier = [{"role": "system", "content": "Judge."}, {"role": "user", "content": a_speech(2, 30)}]
    asked = read_chat(CHAT | {"messages": [*earlier, *CHAT["messages"], {"role": "assistant", "content": "{"}]})
    assert asked.transcript == TALK
    assert not asked.is_streamed


@pytest.mark.parametrize(
    "content",
    [f"<transcript>\n{TALK}\n</transcript>", [{"type": "text", "text": TALK[:9]}, {"type": "text", "text": TALK[9:]}]],
)
def test_a_transcript_may_come_in_tags_or_parts(content):
    asked = read_chat(CHAT | {"messages": [{"role": "user", "content": content}]})
    assert asked.transcript.split() == (f"{TALK[:9]}\n{TALK[9:]}" if isinstance(content, list) else TALK).split()


@pytest.mark.parametrize(
    "harmless",
    [
        {"temperature": 0.0},
        {"n": 1},
        {"top_p": 1},
        {"seed": 7},
        {"tools": []},
        {"stop": None},
        {"response_format": {"type": "json_object"}},
    ],
    ids=json.dumps,
)
def test_parameters_that_change_nothing_are_taken(harmless):
    assert read_chat(CHAT | harmless).transcript == TALK


@pytest.mark.parametrize(
    "changing",
    [
        {"temperature": 1},
        {"temperature": "0"},
        {"n": 2},
        {"logprobs": True},
        {"stop": ["}"]},
        {"response_format": {"type": "json_schema"}},
        {"max_tokens": 0},
        {"max_completion_tokens": True},
        {"tools": [{}]},
        {"audio": {"voice": "x"}},
        {"stream_options": 1},
    ],
    ids=json.dumps,
)
def test_parameters_that_would_change_it_are_refused(changing):
    with pytest.raises(RequestError) as refused:
        read_chat(CHAT | changing)
    assert (refused.value.status, refused.value.param) == (400, next(iter(changing)))
