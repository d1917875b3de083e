"""`feedback serve`: the champion over HTTP, with a page, until it is stopped."""

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.options import load_settings
from deployments.terminal import out, say
from feedback_model.records.evaluation import Decoding

if TYPE_CHECKING:
    from feedback_model.serving.server import Address

PORT = 8321


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; another than 127.0.0.1 opens the server to other machines.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = PORT,
    model: Annotated[
        str | None,
        typer.Option(
            help="As `feedback score` takes it. `champion` is followed when it changes, any other name stays.",
            show_default="the champion; before there is one, the best epoch of the latest evaluation",
        ),
    ] = None,
    decoding: Annotated[
        Decoding | None,
        typer.Option(help="How requests are answered that name no way.", show_default="as the champion was measured"),
    ] = None,
) -> None:
    """Answer over HTTP with the champion, and show a page on which people try it.

    Prints the link that opens the page. Programs send the token that lies in `serve/token` of the home folder, as a bearer token
    to `/v1/feedback` or, as OpenAI's clients do, to `/v1/chat/completions`. Ctrl-C finishes what was asked, and ends.
    """
    from feedback_model.serving.server import serve as serve_until_stopped
    from feedback_model.store.connection import open_store

    settings = load_settings()
    if not (host in {"localhost", "::1"} or host.startswith("127.")):
        say(
            f"note: whoever reaches port {port} of {host} can read what is sent there; put a proxy with TLS in front of it"
        )
    serve_until_stopped(settings, open_store(settings.store_url), host, port, model, decoding, say, _welcome)


def _welcome(address: "Address") -> None:
    say(f"answering at {address.url}; Ctrl-C stops. The page, for you alone:")
    out.print(address.link, soft_wrap=True, highlight=False)
