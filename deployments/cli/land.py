"""`feedback land`: files into the database, without a server."""

import os
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

import typer

from deployments.cli.options import Json, load_settings
from deployments.terminal import out, print_json, say, showing_progress
from feedback_model.errors import InputError
from feedback_model.records.landed import phrase_landing
from feedback_model.waiting import waiting_for
from flows.parameters import Encoding, Limit, Redact, Seed, Speaker, SpeakerColumn, TextColumn


def land(
    paths: Annotated[
        list[str],
        typer.Argument(help="Files with transcripts in any format, folders, s3://bucket/path/, or hf:owner/name."),
    ],
    source: Annotated[
        str, typer.Option(help="Where it comes from; default: the record's own, or the file's name.")
    ] = "",
    text_column: TextColumn = "",
    speaker_column: SpeakerColumn = "",
    speaker: Speaker = "all",
    encoding: Encoding = "",
    redact: Redact = False,
    limit: Limit = 0,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Land transcripts: clean, cut at sentence ends, refuse what cannot be used (with the reason), and say that data landed."""
    from deployments.local.run_flow import stopping_on_interrupt
    from feedback_model.store.connection import open_store
    from feedback_model.transcripts.landing import land as land_paths
    from feedback_model.transcripts.reading_options import ReadingOptions

    settings = load_settings()
    options = ReadingOptions(text_column, speaker_column, speaker, encoding, redact)
    store = open_store(settings.store_url)
    with stopping_on_interrupt(), showing_progress(quiet=json):
        summary = land_paths(store, paths, source=source or None, options=options, limit=limit or None, seed=seed)
    if json:
        print_json(asdict(summary))
    else:
        show_landing(summary)
    if summary.batch_id and summary.accepted:
        _announce(settings, summary.batch_id, summary.accepted, quiet=json)
    if not summary.accepted and not summary.known:
        raise InputError(f"nothing in {', '.join(paths)} could be landed; the reasons are above")


def show_landing(summary: Any) -> None:
    """Show what became of the records, with an example of each reason for refusal."""
    say(phrase_landing(summary.accepted, summary.known, summary.duplicate, summary.rejected))
    for code, example in summary.reasons.items():
        say(f"  {code}: {example}")
    for sentence in summary.assumed:
        say(f"  {sentence}")


def _announce(settings: Any, batch_id: str, accepted: int, *, quiet: bool) -> None:
    from deployments.local.server import running_server
    from tasks.announcement import announce_to

    server = running_server(settings)
    if server is None:
        return
    os.environ.update(server.environment())
    try:
        with waiting_for(f"the Prefect server at {server.api_url}", "Ctrl-C stops; the data has landed"):
            announce_to(server.api_url, batch_id, accepted)
    except OSError as error:
        say(f"data landed, but {server.api_url} did not take the event ({error}); the next sweep will find it")
        return
    if not quiet:
        _show_form(server)


def _show_form(server: Any) -> None:
    from deployments.local.server import link_to
    from tasks.announcement import retraining_form

    with suppress(OSError):  # a server without our deployments has no such form
        form = link_to(server, retraining_form(server.api_url))
        say("retraining starts by itself; where it waits, or to choose otherwise, the form for it in the UI:")
        out.print(form, soft_wrap=True, highlight=False)
