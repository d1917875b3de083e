"""`feedback serve` with more asked than it can answer: refused, left, late and stopped, and nothing is lost."""

import json
import signal
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from feedback_model.store.connection import open_store
from feedback_model.training.base_model import resolve_base
from tests.builders import a_speech
from tests.local_service import eventually
from tests.micro_model import save_micro_model
from tests.serving_rig import fill_models, serving

TALK = a_speech(1, 30)
LAYERS = 32  # so that an answer takes seconds: the model is untrained and does not end by itself
SLOW = {"FEEDBACK_MAX_NEW_TOKENS": "100", "FEEDBACK_SERVE_DEADLINE": "600"}
NARROW = {**SLOW, "FEEDBACK_MAX_NEW_TOKENS": "200", "FEEDBACK_SERVE_QUEUE": "1", "FEEDBACK_INFERENCE_BATCH_SIZE": "1"}
ANSWERING, WAITING = "feedback_answering_texts", "feedback_waiting_texts"
BATCHES = "feedback_batch_texts_count"
LEFT = 'feedback_requests_total{route="/v1/feedback",status="499"}'


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Serves an untrained model in a home of its own."""
    folder = tmp_path_factory.mktemp("deep") / "base"
    deep_base = resolve_base(str(save_micro_model(folder, num_hidden_layers=LAYERS)))

    def start(*options, **settings):
        home = tmp_path_factory.mktemp("loaded")
        with closing(open_store(f"sqlite:///{home / 'feedback.db'}")) as store:
            base, _ = fill_models(store, deep_base)
        return serving(home, "--model", base.model_id, *options, **settings)

    return start


@pytest.fixture(scope="module")
def narrow(start):
    """A server that answers one text at a time, and lets one wait."""
    with start(**NARROW) as served:
        yield served


@pytest.fixture(scope="module")
def wide(start):
    with start(**{**SLOW, "FEEDBACK_SERVE_QUEUE": "32", "FEEDBACK_SERVE_WAIT": "600"}) as served:
        yield served


@pytest.fixture(scope="module")
def hurried(start):
    """A server that gives up on everything that takes longer than a moment."""
    with start(**{**NARROW, "FEEDBACK_SERVE_DEADLINE": "0.05"}) as served:
        yield served


def ask_by_hand(served):
    """A connection on which a request was sent, and no answer read."""
    host, port = served.address.split(":")
    body = json.dumps({"text": TALK})
    head = f"POST /v1/feedback HTTP/1.1\r\nHost: {served.address}\r\nAuthorization: Bearer {served.token}\r\n"
    connection = socket.create_connection((host, int(port)))
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return connection


def occupy(served):
    """One request that is being answered, and one that waits for it."""
    first = served.post_later(TALK)
    served.wait_until(ANSWERING, 1)
    second = served.post_later(TALK)
    served.wait_until(WAITING, 1)
    return first, second


def test_texts_that_wait_are_asked_together(wide):
    wide.post(TALK)  # the first alone shows how long one takes
    batches, texts = wide.figure("feedback_batch_texts_count"), wide.figure("feedback_batch_texts_sum")
    first = wide.post_later(TALK)
    others = wide.call("POST", "/v1/feedback", {"texts": [a_speech(number, 30) for number in range(12)]})
    assert first.result().status == others.status == 200
    assert wide.figure("feedback_batch_texts_count") - batches <= 2
    assert wide.figure("feedback_batch_texts_sum") - texts == 13


def test_200_clients_at_once_are_answered_or_refused(wide):
    with ThreadPoolExecutor(200) as clients:
        replies = list(clients.map(lambda number: wide.post(a_speech(number, 30)), range(200)))
    counts = Counter(reply.status for reply in replies)
    refused = [reply for reply in replies if reply.status == 429]
    assert set(counts) == {200, 429}
    assert counts[200] >= 32
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
    assert all("try again in" in reply.error for reply in refused)
    assert wide.post(TALK).status == 200


def test_a_full_queue_refuses_at_once(narrow):
    first, second = occupy(narrow)
    refused = narrow.post(TALK)
    assert (refused.status, second.done()) == (429, False)
    assert first.result().status == second.result().status == 200


def test_a_client_that_leaves_frees_its_place(narrow):
    first, left = narrow.post_later(TALK), narrow.figure(LEFT)
    narrow.wait_until(ANSWERING, 1)
    with closing(ask_by_hand(narrow)):
        narrow.wait_until(WAITING, 1)
    narrow.wait_until(LEFT, left + 1)
    assert (narrow.figure(WAITING), first.done()) == (0, False)
    assert first.result().status == narrow.post(TALK).status == 200


def test_what_nobody_waits_for_is_not_finished(narrow):
    """The model stops in the midst of an answer whose client left, and then answers others as ever."""
    expected, answered = narrow.post(TALK).json["pieces"], narrow.figure(BATCHES)
    with closing(ask_by_hand(narrow)):
        narrow.wait_until(ANSWERING, 1)
    narrow.wait_until(ANSWERING, 0)
    assert narrow.figure(BATCHES) == answered
    assert narrow.post(TALK).json["pieces"] == expected


def test_what_is_late_is_given_up(hurried):
    late = hurried.post(TALK)
    assert late.status == 503
    assert late.error == "there was no answer within 0.05 s: the server is busy; try again later"
    assert hurried.figure(WAITING) == 0


def test_a_late_stream_ends_with_an_error(hurried):
    chat = {"model": "base", "stream": True, "messages": [{"role": "user", "content": TALK}]}
    reply = hurried.call("POST", "/v1/chat/completions", chat)
    assert '"code":"deadline"' in reply.text
    assert "[DONE]" not in reply.text


def test_a_signal_finishes_what_was_asked(start):
    with start(**NARROW) as served:
        first, second = occupy(served)
        assert served.stop() == 0
        assert first.result().status == second.result().status == 200
        with pytest.raises(ConnectionRefusedError):
            served.post(TALK)
        assert "stopped; everything that was asked is answered, or was refused" in served.log.read_text()


def test_a_second_signal_ends_it_at_once(start):
    with start(**NARROW) as served:
        occupy(served)
        served.process.send_signal(signal.SIGINT)
        eventually(lambda: "once more to end at once" in served.log.read_text())
        assert served.stop(signal.SIGINT) == 130


def test_a_taken_port_is_told(narrow, start):
    refusal = r"cannot be used \(.*\); choose another with --port"
    with pytest.raises(AssertionError, match=refusal), start("--port", narrow.address.split(":")[1]):
        pass


def test_without_a_model_it_says_what_to_run(store, settings):
    with pytest.raises(AssertionError, match="run `feedback run`"), serving(settings.home):
        pass
