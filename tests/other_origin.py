"""A page of another origin that tries what it can on a server of this machine, in a real browser."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import Page

_TRY = """async ({target, read, write, socket}) => {
    const found = {};
    const attempt = async (name, act) => {
        try { found[name] = await act(); } catch (error) { found[name] = "refused"; }
    };
    await attempt("read", async () => (await fetch(target + read, {credentials: "include"})).status);
    await attempt("write", async () => (await fetch(target + write.path, {
        method: "POST", credentials: "include", headers: {"content-type": "application/json"}, body: write.body})).status);
    await attempt("blind write", async () => (await fetch(target + write.path, {
        method: "POST", mode: "no-cors", credentials: "include", body: write.body})).type);
    await attempt("socket", () => new Promise((resolve, reject) => {
        const opened = new WebSocket(target.replace("http", "ws") + socket, "prefect");
        opened.onopen = () => resolve("open");
        opened.onerror = reject;
    }));
    await attempt("frame", () => new Promise((resolve) => {
        const frame = document.createElement("iframe");
        frame.name = "framed";
        frame.onload = () => resolve("loaded");
        frame.src = target + "/";
        document.body.append(frame);
    }));
    return found;
}"""


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>another origin</title>")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def another_origin() -> Generator[str]:
    """A server of somebody else on this machine, which a browser takes for the same site: cookies go along."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Blank) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def try_all(page: Page, target: str, *, read: str, write: str, body: str = "{}", socket: str = "/") -> dict[str, Any]:
    """Try to read, to write, to write without reading the answer, to open a socket and to frame; returns what came of each."""
    asked = {"target": target, "read": read, "write": {"path": write, "body": body}, "socket": socket}
    with another_origin() as url:
        page.goto(url)
        found = page.evaluate(_TRY, asked)
        framed = page.frame("framed")
        found["frame"] = framed.url if framed else "none"
        return found
