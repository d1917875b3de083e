"""Chat completions by plain HTTP, as any client could ask for them."""

import http.client
import json
from contextlib import closing

from feedback_model.demo.answers import MODEL
from feedback_model.prompts import render_messages
from tests.local_service import HANGS

TEXT = "Well, um, we took the bus. The survey clearly helps."


def ask(url, method, path, body=None, timeout=HANGS):
    """Status, headers and JSON of one request."""
    with closing(http.client.HTTPConnection(url.split("/")[2], timeout=timeout)) as connection:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.headers, json.loads(response.read())


def post(url, text=TEXT, **changes):
    """The same of a chat completion about `text`."""
    body = {"model": MODEL, "messages": render_messages("label", text), **changes}
    return ask(url, "POST", "/v1/chat/completions", json.dumps(body))
