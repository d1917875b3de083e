"""Promises of the stand-in for OpenAI's API, seen through the real client or plain HTTP."""

import hashlib
import http.client
import itertools
import json
from collections.abc import Iterator

import openai
import pytest

from feedback_model.demo.answers import MODEL
from feedback_model.demo.labeller.explanations import explain
from feedback_model.errors import ConfigurationError
from feedback_model.feedback import render_feedback
from feedback_model.labelling.pricing import Usage, cost_of, price_of
from feedback_model.prompts import render_messages
from tests.openai_rig.limits import Limits, go_duration
from tests.openai_rig.options import Options
from tests.openai_rig.process import serving
from tests.plain_http import TEXT, ask, post


def bill_of(url):
    return ask(url, "GET", "/bill")[2]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serving() as url:
        yield url


def test_replies_carry_rate_limit_headers(endpoint):
    headers = post(endpoint)[1]
    names = [
        f"x-ratelimit-{what}-{unit}" for what in ("limit", "remaining", "reset") for unit in ("requests", "tokens")
    ]
    assert all(headers[name] for name in names)


def test_bill_counts_replies_and_no_refusals():
    """Bill counts replies by what was asked and refusals are free."""
    with serving(quota=2) as url:
        statuses = [post(url)[0], post(url)[0], post(url)[0]]
        bill = bill_of(url)
    asked = "\n".join(message["content"] for message in render_messages("label", TEXT))
    assert statuses == [200, 200, 429]
    assert bill["replies"] == {hashlib.sha256(asked.encode()).hexdigest(): 2}
    assert bill["prompt_tokens"] > bill["completion_tokens"] > 0


def test_exhausted_quota_has_its_own_code():
    with serving(quota=1) as url:
        post(url)
        assert post(url)[2]["error"]["code"] == "insufficient_quota"


def test_excess_requests_are_told_when_to_retry():
    """Requests above the limit are told when to retry."""
    with serving(requests_per_minute=60) as url:
        post(url)
        status, headers, content = post(url)
    assert (status, content["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 0 < float(headers["retry-after"]) <= 1
    assert headers["x-ratelimit-limit-requests"] == "60"


@pytest.mark.parametrize(
    ("fault", "finish_reason"), [("nonsense_rate", "stop"), ("truncated_rate", "length"), ("refusal_rate", "stop")]
)
def test_spoiled_replies_are_charged_and_hold_no_feedback(fault, finish_reason):
    with serving(**{fault: 1.0}) as url:
        choice = post(url)[2]["choices"][0]
        assert sum(bill_of(url)["replies"].values()) == 1
    assert choice["finish_reason"] == finish_reason
    assert choice["message"]["content"] != render_feedback(explain(TEXT).feedback)


def test_faults_can_be_asked_for():
    """Server errors reset connections and silence can be asked for."""
    with serving(server_error_rate=1.0) as url:
        assert post(url)[0] == 500
    with serving(reset_rate=1.0) as url, pytest.raises((http.client.HTTPException, ConnectionError)):
        post(url)
    with serving(hang_rate=1.0) as url, pytest.raises(TimeoutError):
        ask(url, "POST", "/v1/chat/completions", json.dumps({}), timeout=0.3)


def test_wrong_flag_is_a_clear_error():
    with pytest.raises(ConfigurationError, match="did not start"), serving(no_such_flag=1):
        pass


def test_requested_output_tokens_are_charged_up_front():
    """Tokens are limited too and the output asked for is charged up front."""
    with serving(tokens_per_minute=60_000) as url:
        assert post(url, max_completion_tokens=900)[0] == 200
        status, headers, _ = post(url, max_completion_tokens=900)
    assert status == 429
    assert headers["x-ratelimit-limit-tokens"] == "60000"


def test_refused_requests_count_against_the_limit():
    limits = Limits(Options(requests_per_minute=600))
    waits = [limits.admit(1, 0.0) for _ in range(20)]
    assert waits.count(0.0) == 10
    assert limits.admit(1, 0.5) == 0.0
    assert limits.requests.level < 5


def test_limits_move_on_schedule():
    """Limits move on schedule and headers can be left out."""
    limits = Limits(Options(requests_per_minute=600, limit_schedule="30:6000/0", limit_headers="requests"))
    limits.admit(1, 0.0)
    limits.admit(1, 31.0)
    assert limits.headers()["x-ratelimit-limit-requests"] == "6000"
    assert "x-ratelimit-limit-tokens" not in limits.headers()
    assert Limits(Options(limit_headers="none")).headers() == {}


def test_durations_are_written_as_go_writes_them():
    assert [go_duration(each) for each in (0.012, 1.5, 360.0)] == ["12ms", "1.5s", "6m0s"]


def test_the_bill_is_exact_and_names_each_request():
    with serving() as url, openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        headers = {"X-Client-Request-Id": "mine"}
        usage = client.chat.completions.create(
            model="gpt-4o-mini", messages=render_messages("label", TEXT), extra_headers=headers
        ).usage
        named = ask(url, "GET", "/bill/requests")[2]
    dollars = cost_of(price_of("gpt-4o-mini"), Usage(usage.prompt_tokens, 0, usage.completion_tokens))
    assert named["mine"]["replies"] == 1
    assert float(named["mine"]["usd"]) == pytest.approx(dollars, abs=1e-15)


def test_a_reply_can_be_billed_and_lost():
    with serving(reset_after_billing_rate=1.0) as url:
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            post(url)
        assert bill_of(url)["completions"] == 1


def test_log_probabilities_tell_each_score_among_its_neighbours(endpoint):
    content = post(endpoint, logprobs=True, top_logprobs=5)[2]["choices"][0]["logprobs"]["content"]
    scores = [entry for before, entry in itertools.pairwise(content) if before["token"] == '"score": ']
    assert len(scores) == 6
    assert all(len(entry["top_logprobs"]) == 5 for entry in scores)


def test_stored_completions_are_listed_by_metadata(endpoint):
    with openai.OpenAI(base_url=endpoint, api_key="none", max_retries=0) as client:
        for number in ("1", "2"):
            client.chat.completions.create(
                model=MODEL, messages=render_messages("label", TEXT), store=True, metadata={"number": number}
            )
        found = list(client.chat.completions.list(metadata={"number": "2"}))
    assert [completion.metadata for completion in found] == [{"number": "2"}]


def test_batches_answer_at_half_price():
    """Batches answer at half price with errors in a file of their own."""
    lines = [
        {"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions"}
        | {"body": {"model": "gpt-4o-mini", "messages": render_messages("label", f"{TEXT} {n}")}}
        for n in range(10)
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    with serving(batch_seconds=0, batch_expire_share=0.2) as url:
        with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
            file = client.files.create(file=("in.jsonl", content), purpose="batch")
            batch = client.batches.create(
                input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"job": "1"}
            )
            batch = client.batches.retrieve(batch.id)
            answered = client.files.content(batch.output_file_id).text.splitlines()
            errors = client.files.content(batch.error_file_id).text.splitlines()
            assert [each.metadata for each in client.batches.list()] == [{"job": "1"}]
        assert (batch.status, len(answered), len(errors)) == ("expired", 8, 2)
        usage = json.loads(answered[0])["response"]["body"]["usage"]
        full = cost_of(price_of("gpt-4o-mini"), Usage(usage["prompt_tokens"], 0, usage["completion_tokens"]))
        billed = ask(url, "GET", "/bill/requests")[2][json.loads(answered[0])["custom_id"]]["usd"]
        assert float(billed) == pytest.approx(full / 2, abs=1e-15)


def test_too_many_tokens_in_batches_fail_later():
    body = {"model": MODEL, "messages": render_messages("label", TEXT)}
    line = json.dumps({"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}).encode()
    with serving(batch_enqueued_tokens=10) as url, openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        file = client.files.create(file=("in.jsonl", line), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        assert batch.status == "validating"
        failed = client.batches.retrieve(batch.id)
    assert (failed.status, failed.errors.data[0].code) == ("failed", "token_limit_exceeded")


def test_models_say_when_they_are_switched_off():
    with serving(shutdown_date="2027-01-14") as url:
        assert {model["shutdown_date"] for model in ask(url, "GET", "/v1/models")[2]["data"]} == {"2027-01-14"}


def test_paid_bill_lets_requests_through_again():
    """A bill that is paid lets requests through again."""
    with serving(quota=1) as url:
        assert [post(url)[0], post(url)[0]] == [200, 429]
        ask(url, "POST", "/rig/quota", json.dumps({"quota": 5}))
        assert post(url)[0] == 200
