"""Promises of the embedded endpoint, seen through the real client or plain HTTP."""

import json
import os
import signal
import subprocess
import sys
import time

import openai
import pytest

from feedback_model.demo.answers import MODEL
from feedback_model.demo.labeller.explanations import explain
from feedback_model.demo.process import serving
from feedback_model.evidence import find_quotes
from feedback_model.feedback import MEMBERS
from feedback_model.parsing import read_answer
from feedback_model.prompts import render_messages
from tests.local_service import HANGS
from tests.plain_http import TEXT, post


@pytest.fixture(scope="module")
def endpoint():
    with serving() as url:
        yield url


def test_real_client_gets_labels_with_usage(endpoint):
    with openai.OpenAI(base_url=endpoint, api_key="none", max_retries=0) as client:
        completion = client.chat.completions.create(model=MODEL, messages=render_messages("label", TEXT))
    assert read_answer(completion.choices[0].message.content.encode()).feedback == explain(TEXT).feedback
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens > 100
    assert completion.usage.prompt_tokens_details.cached_tokens == 0


@pytest.mark.parametrize("name", ["label", "label-again"])
@pytest.mark.parametrize("order", MEMBERS)
def test_evidence_is_quoted_in_the_order_asked(endpoint, name, order):
    """The same feedback comes in either order and wording, with evidence that the transcript holds."""
    content = post(endpoint, messages=render_messages(name, TEXT, order))[2]["choices"][0]["message"]["content"]
    assert tuple(json.loads(content)["empathy"]) == MEMBERS[order]
    answer = read_answer(content.encode())
    assert answer.feedback == explain(TEXT).feedback
    assert set(find_quotes(answer.evidence, TEXT)) == {True, None}


def test_rewrite_moves_its_trait(endpoint):
    """Rewrite request moves its trait and differs by request."""
    messages = render_messages("rewrite", TEXT, trait="enthusiasm", target="10")
    answers = {post(endpoint, messages=messages, seed=seed)[2]["choices"][0]["message"]["content"] for seed in range(6)}
    assert len(answers) > 2
    assert all(explain(answer).feedback.scores["enthusiasm"] >= 9 for answer in answers)


def test_models_lists_the_one_model(endpoint):
    with openai.OpenAI(base_url=endpoint, api_key="none") as client:
        assert [model.id for model in client.models.list()] == [MODEL]


def test_other_models_are_refused_as_openai_does(endpoint):
    status, _, content = post(endpoint, model="gpt-4o-mini")
    assert (status, content["error"]["code"]) == (404, "model_not_found")
    assert set(content["error"]) == {"message", "type", "code", "param"}


@pytest.mark.parametrize(
    "changes", [{"messages": 3}, {"messages": [3]}, {"messages": [{"role": "user", "content": 3}]}]
)
def test_requests_of_another_shape_are_bad_requests(endpoint, changes):
    assert post(endpoint, **changes)[0] == 400


def test_endpoint_dies_with_a_killed_parent():
    program = (
        "import time\nfrom feedback_model.demo.process import serving\n"
        "with serving() as url:\n    print(url, flush=True)\n    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    url = parent.stdout.readline().strip()
    assert post(url)[0] == 200
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + HANGS
    with pytest.raises(ConnectionError):
        while time.monotonic() < deadline:
            post(url)
