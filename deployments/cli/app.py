"""The `feedback` command line: assembles the commands, and turns what went wrong into one sentence.

Loads neither Prefect nor torch: `feedback --help` answers at once, and each command imports what it needs when it runs.
"""

import errno
import os
import sys
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from deployments.cli import (
    augment,
    backup,
    champion,
    demo,
    doctor,
    export,
    forget,
    housekeeping,
    labels,
    land,
    report,
    results,
    score,
    serve,
    share,
    stages,
    status,
    token,
    up,
)
from deployments.local.environment import LIBRARIES
from deployments.terminal import fail, say_wait
from feedback_model.errors import FeedbackError, Interrupted
from feedback_model.network import network_environment
from feedback_model.training.memory import share_one_arena
from feedback_model.waiting import telling_waits

app = typer.Typer(
    name="feedback",
    help="Label transcripts, fine-tune a small model to give the same feedback, and measure every checkpoint.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(demo.demo)
app.command()(land.land)
app.command()(forget.forget)
app.command()(stages.run)
app.command()(stages.label)
app.add_typer(labels.app, name="labels")
app.command()(augment.augment)
app.command()(stages.train)
app.command()(stages.evaluate)
app.command()(augment.prove_augmentation)
app.add_typer(report.app, name="report")
app.command()(score.score)
app.command()(serve.serve)
app.command()(export.export)
app.add_typer(results.app, name="results")
app.add_typer(champion.app, name="champion")
app.command()(up.up)
app.command()(token.token)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(share.share)
app.command()(housekeeping.housekeeping)
app.command()(status.status)
app.command()(doctor.doctor)


def _set_up_process() -> None:
    """Say what libraries read when they are loaded, here and in what this process starts."""
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)
    share_one_arena()
    os.environ.update(network_environment(os.environ))


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk of {error.filename or 'a file'} is full; make room there and run the same command again"
    return f"unexpected {type(error).__name__}: {error}; run it again with FEEDBACK_TRACEBACK=1 to see where"


def main() -> NoReturn:
    """Run the command line; exit status 0 when the work is done or was done already, 1 with one sentence when not."""
    debugging = bool(os.environ.get("FEEDBACK_TRACEBACK"))
    _set_up_process()
    try:
        with telling_waits(say_wait):
            status = app(standalone_mode=False)
    except (Interrupted, KeyboardInterrupt, typer.Abort) as error:
        fail(str(error) or "stopped on request; run the same command again to go on")
        sys.exit(130)
    except TyperException as error:
        fail(f"{error.format_message().removesuffix('.')}; see feedback --help")
        sys.exit(1)
    except FeedbackError as error:
        if debugging:
            raise
        fail(str(error))
        sys.exit(1)
    except Exception as error:  # the last resort: a person gets a sentence, a developer the traceback
        if debugging:
            raise
        fail(_describe(error))
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
