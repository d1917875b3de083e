"""`feedback serve`: who is let in, what is answered, and what of a bad request is said."""

import io
import json
import os
import socket
import stat
import zipfile
from contextlib import closing

import openai
import pytest

from feedback_model.prompts import render_messages
from feedback_model.store.connection import open_store
from feedback_model.transcripts.documents import FEWEST_WORDS
from tests.builders import a_speech
from tests.serving_rig import fill_models, serving

TALK = a_speech(1, 30)
LONG_TALK = " ".join(a_speech(number) for number in range(20))
CHAT = {"model": "base", "messages": [{"role": "user", "content": TALK}]}


@pytest.fixture(scope="module")
def served(micro_base, tmp_path_factory):
    """A server with an untrained model, whose answers are cut after three tokens."""
    home = tmp_path_factory.mktemp("served") / "home"
    home.mkdir()
    store = open_store(f"sqlite:///{home / 'feedback.db'}")
    base, _ = fill_models(store, micro_base)
    store.close()
    with serving(home, "--model", base.model_id, FEEDBACK_MAX_NEW_TOKENS="3") as running:
        yield running


@pytest.fixture(scope="module")
def client(served):
    with openai.OpenAI(base_url=f"http://{served.address}/v1", api_key=served.token, max_retries=0) as opened:
        yield opened


# Who is let in


def test_only_its_owner_reads_the_token(served):
    file = served.log.parent / "serve" / "token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().strip() == served.token
    assert len(served.token) >= 43


@pytest.mark.parametrize("path", ["/v1/feedback", "/v1/chat/completions", "/v1/models", "/metrics", "/elsewhere"])
@pytest.mark.parametrize("key", ["", "Bearer wrong", "Bearer ", "Basic {token}", "Bearer ü{token}"])
def test_without_the_token_nothing_is_answered(served, path, key):
    reply = served.call("GET", path, authorization=key.format(token=served.token))
    assert reply.status == 401
    assert reply.headers["www-authenticate"] == "Bearer"
    assert "the token is missing or wrong" in reply.error


def test_health_is_told_to_everyone(served):
    assert served.call("GET", "/healthz", authorization="").text == "ok\n"
    assert served.call("GET", "/readyz", authorization="").json == {"ready": True, "problem": None}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "192.168.1.7", "@", "[::1"]
)
def test_unknown_hosts_are_refused(served, host):
    for path in ("/healthz", "/", "/v1/models"):
        assert served.call("GET", path, host=host).status == 403


def test_every_loopback_name_is_answered(served):
    port = served.address.split(":")[1]
    for host in (served.address, f"localhost:{port}", "127.0.0.1", "LOCALHOST"):
        assert served.call("GET", "/v1/models", host=host).status == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://", "https://localhost"]
)
def test_other_origins_are_refused(served, origin):
    assert served.call("POST", "/v1/feedback", {"text": TALK}, origin=origin).status == 403
    assert served.call("OPTIONS", "/v1/feedback", origin=origin, access_control_request_method="POST").status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_pages_cannot_even_embed_it(served, site):
    assert served.call("GET", "/page.js", authorization="", sec_fetch_site=site, sec_fetch_mode="no-cors").status == 403


def test_the_page_is_the_same_for_everyone(served):
    """It holds no secret and sets no cookie, which every port of this host would be sent."""
    for path, heading in (("/", "textarea"), ("/locked", "opens by its link")):
        page = served.call("GET", path, authorization="")
        assert page.status == 200
        assert heading in page.text
        assert served.token not in page.text
        assert "set-cookie" not in page.headers
        assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]


# What is answered


def test_a_text_has_feedback_and_pieces(served):
    reply = served.post(TALK)
    assert reply.status == 200
    assert reply.json["model"] == "base"
    assert (reply.json["champion"], reply.json["decoding"], reply.json["words"]) == (False, "free", len(TALK.split()))
    (piece,) = reply.json["pieces"]
    assert (piece["piece"], piece["truncated"], piece["tier"], piece["text"]) == (1, False, "none", TALK)
    assert piece["feedback"] is reply.json["feedback"] is None  # the model is untrained
    assert piece["reason"]


def test_long_text_is_answered_piece_by_piece(served):
    pieces = served.post(LONG_TALK).json["pieces"]
    assert [piece["piece"] for piece in pieces] == list(range(1, 6))
    assert " ".join(piece["text"] for piece in pieces) == LONG_TALK


def test_several_texts_come_back_in_order(served):
    """A text that cannot be judged has an error in its place, and leaves the others their answers."""
    reply = served.call("POST", "/v1/feedback", {"texts": [TALK, "Hello", LONG_TALK, "1 2 3 " * 40]})
    first, second, third, fourth = reply.json["results"]
    assert len(first["pieces"]) == 1
    assert "1 word; at least 20 are needed" in second["error"]["message"]
    assert len(third["pieces"]) == 5
    assert "only 0% of its characters are letters" in fourth["error"]["message"]


def test_odd_characters_change_no_answer(served):
    odd = "\ufeff " + TALK.replace(" ", " \u200b\t", 3) + "\u2060\r\n"
    assert served.post(odd).json["pieces"] == served.post(TALK).json["pieces"]


@pytest.mark.parametrize(
    "text",
    [
        "今日は皆さんにお集まりいただき、本当にありがとうございます。まず予算の話をします。",
        "Nous sommes réunis ce soir pour parler du budget de notre ville et de ses écoles. " * 3,
    ],
    ids=["Japanese", "French"],
)
def test_another_language_is_answered_and_told(served, text):
    assert served.post(text).json["english"] is False


def test_english_is_known_as_such(served):
    assert served.post("So, um, I want to talk about the library, because it is the only warm room. " * 3).json[
        "english"
    ]


# Files


def test_a_file_is_read_as_it_is_scored(served):
    captions = "WEBVTT\n\n00:01.000 --> 00:04.000\n<v Ada>Good evening.\n\n00:05.000 --> 00:09.000\n<v Ada>Thank you.\n"
    found = served.call("POST", "/v1/transcripts?name=talk.vtt", captions.encode()).json
    assert [each["text"] for each in found["transcripts"]] == ["Good evening. Thank you."]
    assert found["more"] is False


def test_only_the_first_transcripts_are_read(served):
    lines = "".join(json.dumps({"text": a_speech(number)}) + "\n" for number in range(50))
    found = served.call("POST", "/v1/transcripts?name=talks.jsonl", lines.encode()).json
    assert (len(found["transcripts"]), found["more"]) == (20, True)
    assert found["transcripts"][3]["text"] == a_speech(3)


def test_a_file_that_costs_its_reader_hours_costs_others_nothing(served):
    """A number in a table of a document that makes a reader go over three million cells, and tags that never end."""
    for body in (b"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n" + b"<v " * 300_000, zipped_document(b"<Types/>")):
        reply = served.call("POST", "/v1/transcripts?name=talk", body)
        assert reply.status in {200, 400}
        assert served.call("GET", "/healthz").status == 200


def zipped_document(types: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("[Content_Types].xml", types)
        file.writestr("word/document.xml", "<x/>")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 400, "talk.bin holds no transcript"),
        (b"\x89PNG\r\n\x1a\n\x00", 400, "talk.bin holds no transcript: this is a picture"),
        (b"word " * 300_000, 413, "the body is larger than 1 MiB"),
    ],
    ids=["empty", "a picture", "huge"],
)
def test_a_file_without_transcripts_is_told(served, body, status, sentence):
    reply = served.call("POST", "/v1/transcripts?name=../talk.bin", body)
    assert reply.status == status
    assert sentence in reply.error


def test_figures_are_counted(served):
    before = served.figure('feedback_requests_total{route="/v1/feedback",status="200"}')
    served.post(TALK)
    assert served.figure('feedback_requests_total{route="/v1/feedback",status="200"}') == before + 1
    assert served.figure("feedback_batch_texts_sum") > before
    assert served.figure("feedback_model_info") == 1
    assert served.figure("process_resident_memory_bytes") > 1e8


# As OpenAI's clients ask


def test_openai_client_gets_a_completion(client, served):
    completion = client.chat.completions.create(model="base", messages=render_messages("feedback", TALK), temperature=0)
    answer = served.post(TALK).json
    assert completion.choices[0].message.content == answer["pieces"][0]["raw"]
    assert completion.choices[0].finish_reason == "length"
    assert completion.system_fingerprint == answer["model_id"]
    usage = completion.usage
    assert usage.prompt_tokens > len(TALK.split())
    assert (usage.completion_tokens, usage.total_tokens) == (3, usage.prompt_tokens + 3)


def test_openai_client_streams(client, served):
    stream = client.chat.completions.create(**CHAT, stream=True, stream_options={"include_usage": True})
    first, *middle, last = list(stream)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in middle)
    assert first.choices[0].delta.role == "assistant"
    assert said == served.post(TALK).json["pieces"][0]["raw"]
    assert middle[-1].choices[0].finish_reason == "length"
    assert (last.choices, last.usage.completion_tokens) == ([], 3)


def test_openai_client_lists_models(client, served):
    listed = [model.id for model in client.models.list()]
    assert listed == ["base", served.post(TALK).json["model_id"]]
    assert client.chat.completions.create(**CHAT | {"model": listed[1]}).model == listed[1]


@pytest.mark.parametrize(
    ("changes", "code", "param", "sentence"),
    [
        ({"temperature": 0.7}, "unsupported_value", "temperature", "use 0 or leave it out"),
        ({"n": 2}, "unsupported_value", "n", "n 2 is not supported"),
        ({"tools": [{"type": "function"}]}, "unsupported_parameter", "tools", "tools is not supported"),
        ({"max_tokens": 2}, "unsupported_value", "max_tokens", "an answer may take 3 tokens"),
        ({"messages": []}, None, "messages", "no message is the user's"),
        ({"messages": "talk"}, None, "messages", "a list of messages is expected"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, None, "messages", "text is expected"),
        ({"messages": [{"role": "user", "content": "Hello"}]}, "too_short", None, "at least 20 are needed"),
        ({"messages": [{"role": "user", "content": LONG_TALK}]}, "context_length_exceeded", "messages", "/v1/feedback"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_unsupported_parameter_is_named(client, changes, code, param, sentence):
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**CHAT | changes)
    error = refused.value
    assert (error.code, error.param) == (code, param)
    assert sentence in str(error)


def test_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError, match=r"the model .*gpt-4o.* is not served; use base or"):
        client.chat.completions.create(**CHAT | {"model": "gpt-4o"})


def test_wrong_key_is_an_authentication_error(served):
    with (
        openai.OpenAI(base_url=f"http://{served.address}/v1", api_key="wrong", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError, match="the token is missing or wrong"),
    ):
        stranger.models.list()


# Bad requests


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"", 400, "the body is not JSON"),
        (b"{", 400, "the body is not JSON"),
        (b'{"text": "\xff"}', 400, "the body is not JSON"),
        (b"[1]", 400, "the body is a JSON array; an object is expected"),
        (b"null", 400, "the body is a JSON null"),
        ({}, 400, 'send either "text"'),
        ({"text": TALK, "texts": [TALK]}, 400, 'send either "text"'),
        ({"text": 7}, 400, "a transcript is 7; a string is expected"),
        ({"texts": []}, 400, "a list of transcripts is expected"),
        ({"text": TALK, "model": "x"}, 400, "there is no field"),
        ({"text": TALK, "decoding": "slow"}, 400, "there is no decoding"),
        (
            b'{"text": ' + b"[" * 400 + b"]" * 400 + b"}",
            400,
            "a transcript is a deeply nested array; a string is expected",
        ),
        ({"text": ""}, 400, f"0 words; at least {FEWEST_WORDS} are needed"),
        ({"text": "Hello"}, 400, "1 word; at least 20 are needed"),
        ({"text": "\u200b\u2060 \ufeff\u00ad " * 40}, 400, "0 words"),
        ({"text": "word " * 20_000}, 413, "pieces, of which at most 64 are answered at once"),
        ({"text": "word " * 220_000}, 413, "larger than 1 MiB"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_bad_request_gets_one_sentence(served, body, status, sentence):
    reply = served.call("POST", "/v1/feedback", body)
    assert reply.status == status
    assert sentence in reply.error
    assert "\n" not in reply.error
    assert served.call("GET", "/healthz").status == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/v1/feedback", 405)])
def test_unknown_path_is_told_as_json(served, method, path, status):
    reply = served.call(method, path)
    assert (reply.status, path in reply.error) == (status, True)


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /v1/feedback HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Length: 100\r\n\r\n{",
        b"POST /v1/feedback HTTP/1.1\r\nHost: {host}\r\nAuth",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
        b"",
    ],
    ids=["body cut off", "header cut off", "TLS", "endless header", "nothing"],
)
def test_what_is_cut_off_leaves_others_alone(served, sent):
    host, port = served.address.split(":")
    with closing(socket.create_connection((host, int(port)))) as connection:
        connection.sendall(sent.replace(b"{host}", served.address.encode()).replace(b"{token}", served.token.encode()))
    assert served.post(TALK).status == 200


def test_a_chunked_body_is_limited_too(served):
    host, port = served.address.split(":")
    head = f"POST /v1/feedback HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {served.token}\r\n"
    with closing(socket.create_connection((host, int(port)))) as connection:
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        for _ in range(20):
            connection.sendall(chunk)
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_nothing_is_said_of_what_was_sent(served):
    """Neither the log nor the figures hold a word of a transcript, or the token."""
    served.post(f"{TALK} Rumpelstiltskin")
    told = served.log.read_text() + served.call("GET", "/metrics").text
    assert "Rumpelstiltskin" not in told
    assert served.token not in told


def test_events_are_those_of_server_sent_events(served):
    reply = served.call("POST", "/v1/chat/completions", CHAT | {"stream": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    *events, last, rest = reply.text.split("\n\n")
    assert (last, rest) == ("data: [DONE]", "")
    assert all(json.loads(event.removeprefix("data: "))["object"] == "chat.completion.chunk" for event in events)


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_token_that_others_read_is_refused(served, tmp_path):
    from feedback_model.errors import ConfigurationError
    from feedback_model.serving.token_file import read_token

    file = tmp_path / "serve" / "token"
    token = read_token(file)
    assert read_token(file) == token
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_token(file)
