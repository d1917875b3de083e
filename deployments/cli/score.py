"""`feedback score`: feedback for transcripts with the champion, without a server.

A text is cleaned, refused and cut as it would be by `feedback land`, so a model reads in use what it read in training.
"""

import io
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from deployments.cli.options import load_settings
from deployments.terminal import print_json, say, showing_progress, write_out
from feedback_model.errors import FeedbackError, InputError, Interrupted, ModelError
from feedback_model.records.evaluation import Decoding
from feedback_model.scoring.format_names import Format, format_of
from flows.parameters import Encoding, MaxNewTokens, Speaker, SpeakerColumn, TextColumn

if TYPE_CHECKING:
    from feedback_model.scoring.documents import Piece, Refusal
    from feedback_model.scoring.model import AnsweringModel, Engine
    from feedback_model.scoring.score import Scoring
    from feedback_model.scoring.tally import Tally
    from feedback_model.settings import Settings

EngineName = Literal["process", "ray"]


def score(
    paths: Annotated[
        list[str],
        typer.Argument(help="Files in any format, folders, s3://bucket/path/, hf:owner/name, or - for standard input."),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="`champion`; `epoch-2`, `base` or another name of the latest evaluation; or a model id of the view `lineage`.",
            show_default="the champion; before there is one, the best epoch of the latest evaluation",
        ),
    ] = None,
    decoding: Annotated[
        Decoding | None,
        typer.Option(
            help="`free`: as the model writes; `template`: its JSON is given, scores have intervals; `direct`: scores alone.",
            show_default="the one that the model was measured best with",
        ),
    ] = None,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="JSON lines, a table, or a page for a speaker.",
            show_default="by --out; else an object for one short text, and JSON lines for all else",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for the result. The same command goes on where it was interrupted.",
            show_default="standard output",
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace --out, whatever it holds.")] = False,
    text_column: TextColumn = "",
    speaker_column: SpeakerColumn = "",
    speaker: Speaker = "all",
    encoding: Encoding = "",
    max_new_tokens: MaxNewTokens = 0,
    engine: Annotated[
        EngineName,
        typer.Option(
            help="`process`: this one; `ray`: a process for each core, or GPU, of the Ray cluster that RAY_ADDRESS names, "
            "or of this machine."
        ),
    ] = "process",
) -> None:
    """Give feedback on any number of transcripts, each row as soon as it is there, under your own ids and speakers.

    A text of more than 250 words is cut as `feedback land` cuts it: each piece has a row, and then the document has one that
    combines them. What cannot be scored has a row with the reason.
    """
    from feedback_model.scoring.documents import Refusal, expect_pieces, is_stream, read_pieces
    from feedback_model.scoring.score import Scoring
    from feedback_model.scoring.tally import Tally
    from feedback_model.transcripts.reading_options import Assumptions, ReadingOptions

    if again and not out:
        raise InputError("--again replaces a file: name it with --out")
    settings = load_settings(writes_elsewhere=True)
    options = ReadingOptions(text_column, speaker_column, speaker, encoding)
    assumptions = Assumptions()
    shape = format_ or (format_of(out) if out else "jsonl")
    if out:
        _refuse_to_overwrite(out, paths)
    is_live = any(map(is_stream, paths))
    answered_by = _open_engine(engine, is_live=is_live)
    found = read_pieces(paths, _standard_input(paths), options, assumptions)
    first = next(found, None)
    is_one_text = format_ is None and out is None and speaker != "each" and _is_one_text(first, paths)
    if first is None or (is_one_text and isinstance(first, Refusal)):
        raise _nothing_to_score(paths, first.reason if isinstance(first, Refusal) else "")
    answering = _choose(settings, model, decoding, max_new_tokens)
    quiet = is_one_text or (out is None and sys.stdout.isatty())  # there the rows show how far it is
    with _stopping(out), showing_progress(quiet=quiet):
        expected = None if quiet else expect_pieces(paths, options)
        scoring = Scoring(chain([first], found), answering, Tally(say), expected, is_live, answered_by)
        _give(scoring, out, shape, again=again, is_one_text=is_one_text)
    for sentence in assumptions.sentences():
        say(sentence)
    _end(scoring.tally, paths, told=not is_one_text)


def _open_engine(name: EngineName, *, is_live: bool) -> "Engine":
    """Return what answers.

    Raises:
        ConfigurationError: it is not installed.
        InputError: it cannot answer what is read.
    """
    from feedback_model.scoring.model import answer_here

    if name == "process":
        return answer_here
    if is_live:
        raise InputError(
            "--engine ray hands out many transcripts before the first is answered, and whoever writes to a stream may wait for "
            "that: put them into a file, or leave --engine out"
        )
    from feedback_model.scoring.on_ray import ray_engine

    return ray_engine(say)


def _choose(settings: "Settings", name: str | None, decoding: Decoding | None, max_new_tokens: int) -> "AnsweringModel":
    """Return the model to ask, and tell where it is another than a reader would take it for."""
    from feedback_model.inference.models import choose_model
    from feedback_model.scoring.model import AnsweringModel
    from feedback_model.store.connection import open_store

    with closing(open_store(settings.store_url)) as store:
        chosen = choose_model(store, name)
    made = chosen.version.checkpoint
    if name is None and made and not chosen.is_champion:
        say(
            f"no model has been promoted to champion yet: {chosen.version.name} of training run {made.run_id}, "
            "the best on validation, answers instead"
        )
    limit = max_new_tokens or settings.max_new_tokens
    return AnsweringModel(settings.home, chosen, decoding or chosen.decoding, limit, settings.inference_batch_size, say)


def _give(scoring: "Scoring", out: Path | None, shape: Format, *, again: bool, is_one_text: bool) -> None:
    """Give the result to whoever is to have it: a file, or standard output.

    Raises:
        ModelError: the file is there from before, without valid feedback.
    """
    from feedback_model.scoring.formats import render, shows_feedback
    from feedback_model.scoring.rows import to_fields

    if out:
        if not scoring.write(out, shape, again=again):
            say(f"{out} is there already, from the same input and the same model")
            if not shows_feedback(out, shape):
                raise ModelError(f"{out} has no valid feedback; its rows say why, and --again asks once more")
    elif is_one_text:
        print_json(to_fields(next(scoring.stream())))
    else:
        for text in render(scoring.stream(), shape):
            write_out(text)


def _end(tally: "Tally", paths: Sequence[str], *, told: bool) -> None:
    """Tell the counts.

    Raises:
        InputError: nothing could be asked.
        ModelError: nothing that the model said was valid.
    """
    if told and tally.documents:
        say(f"scored: {tally.phrase()}")
    if tally.refused and not tally.pieces:
        raise _nothing_to_score(paths, tally.first_reason)
    if tally.pieces and not tally.valid_pieces:
        way_on = "; some were cut: allow more tokens with --max-new-tokens" if tally.cut_answers else ""
        raise ModelError(f"no answer of the model was valid feedback, its words are in the field `raw`{way_on}")


def _nothing_to_score(paths: Sequence[str], reason: str) -> FeedbackError:
    shown = ", ".join("standard input" if path == "-" else path for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    hold = "hold" if len(paths) > 1 else "holds"
    return InputError(f"{shown}{more} {hold} no transcript that can be scored{f': {reason}' if reason else ''}")


def _is_one_text(first: "Piece | Refusal | None", paths: Sequence[str]) -> bool:
    """Tell whether all there is to score is one short text: a file or a stream that is no table of records."""
    whole = {"standard input", *map(str, map(Path, paths))}
    return first is not None and len(paths) == 1 and first.names.locator in whole and getattr(first, "pieces", 1) == 1


def _standard_input(paths: Sequence[str]) -> IO[bytes]:
    if "-" not in paths:
        return io.BytesIO()
    try:  # a stream of our own: the interpreter cannot end while another thread waits for its
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    except io.UnsupportedOperation:
        return sys.stdin.buffer


def _refuse_to_overwrite(out: Path, paths: Sequence[str]) -> None:
    target = out.absolute().resolve()
    for path in paths:
        source = Path(path).absolute().resolve()
        if target == source or (source.is_dir() and target.is_relative_to(source)):
            raise InputError(f"--out {out} lies in what is read, {path}; write it elsewhere")


@contextmanager
def _stopping(out: Path | None) -> Generator[None]:
    """Let a first Ctrl-C end the work; of the batch at hand nothing is kept."""
    from deployments.local.run_flow import stopping_on_interrupt

    try:
        with stopping_on_interrupt("stopping; what is answered is kept"):
            yield
    except Interrupted as error:
        if out:
            raise
        raise Interrupted(
            "stopped on request; what is printed is whole, and with --out the next call goes on"
        ) from error
