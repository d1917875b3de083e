"""`feedback token`: what lets a person into the UI of `feedback up`, and how it is made anew."""

from typing import Annotated

import typer

from deployments.cli.options import load_settings
from deployments.terminal import out, say
from feedback_model.errors import MissingStage


def token(
    new: Annotated[
        bool, typer.Option("--new", help="Make a new one first; the old one lets nobody in any more, at once.")
    ] = False,
) -> None:
    """Print the link by which a person comes into the UI of `feedback up`.

    The link holds a token that lies in `prefect/token` of the home folder, for its owner alone to read. The token may be typed
    into the UI's login as well, with `feedback:` before it. Runs, workers and other commands have a secret of their own, which
    each start of `feedback up` makes anew as well, so a new token stops none of them.
    """
    from deployments.local.server import announced_server, entry_link, person_token
    from feedback_model.serving.token_file import read_token, renew_token

    settings = load_settings()
    file = person_token(settings)
    if new:
        renew_token(file)
        say("made a new token; whoever came in by the old one is asked for it")
    read_token(file)
    server = announced_server(settings)
    if server is None:
        raise MissingStage(f"`feedback up` does not run with {settings.home}; once it does, it prints the link")
    out.print(entry_link(settings, server), soft_wrap=True, highlight=False)
