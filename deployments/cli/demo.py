"""`feedback demo`: the whole loop on what needs no key, in a home folder of its own."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deployments.cli.options import Json, Memory, load_settings
from deployments.cli.stages import check_choices, show_outcome
from deployments.local.run_flow import run_flow
from deployments.terminal import say, showing_progress
from feedback_model.errors import InputError
from feedback_model.training.base_model import EMBEDDED

if TYPE_CHECKING:
    from feedback_model.settings import Settings

TRANSCRIPTS: Final = 2_000  # a tenth each is held out: enough to tell the tuned model from the constant predictor
SEED: Final = 7
REAL_BASE: Final = "smollm2"
"""The base model of the demo on real speech."""
_ALL_DEMO: Final = "Labeller, transcripts and base model are those embedded for the demo; every figure below is theirs."
_HALF_REAL: Final = (
    "The speech is real (NOTICE says whose it is), and so is the base model (SmolLM2-135M-Instruct). Labels and rewrites are "
    "not: they come from the labeller embedded for the demo, and figures say how well its scores were learned."
)


def demo(
    transcripts: Annotated[
        int | None, typer.Option(min=200, help="Synthetic transcripts to generate.", show_default=f"{TRANSCRIPTS}")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seeds the synthetic transcripts and the training.")] = SEED,
    real: Annotated[
        bool, typer.Option("--real", help="Real speech and a real base model, under $FEEDBACK_HOME/demo-real.")
    ] = False,
    memory: Memory = None,
    json: Json = False,
) -> None:
    """Run the whole loop on embedded defaults: no key, no GPU, no network; under $FEEDBACK_HOME/demo.

    With --real the speech and the base model are real, and only the labeller is the embedded one.
    """
    if real and transcripts is not None:
        raise InputError(
            "--transcripts is for synthetic transcripts, and --real has real ones; leave out one of the two"
        )
    before = load_settings(memory)
    settings = _move_home(before.home / ("demo-real" if real else "demo"))
    base_model = REAL_BASE if real else EMBEDDED
    if real:  # the embedded base cannot be missing; it is built within the flow
        with showing_progress(quiet=json):
            check_choices(settings, "embedded", base_model)
    source = _write_speech(settings.home) if real else _write_synthetic(settings.home, transcripts or TRANSCRIPTS, seed)
    if not json:
        say(_HALF_REAL if real else _ALL_DEMO)

    async def call() -> str:
        from flows.pipeline import pipeline

        return await pipeline(inputs=[str(source)], labeller="embedded", base_model=base_model, seed=seed)

    show_outcome(settings, run_flow(settings, call, quiet=json), json=json)
    if real and not json:
        say(f"feedback on a text of your own: {_score_command(settings.home, elsewhere=bool(before.database_url))}")


def _move_home(home: Path) -> "Settings":
    # The demo must not touch what is real, wherever the environment points.
    os.environ.update({"FEEDBACK_HOME": str(home), "FEEDBACK_DATABASE_URL": ""})
    return load_settings()


def _write_speech(home: Path) -> Path:
    from feedback_model.demo.real_speech import FILE_NAME, write_real_speech

    write_real_speech(home / FILE_NAME)
    return home / FILE_NAME


def _write_synthetic(home: Path, count: int, seed: int) -> Path:
    from feedback_model.demo.speech import write_demo_input

    path = home / f"transcripts-{count}-{seed}.jsonl"
    if not path.exists():
        write_demo_input(path, count, seed)
    return path


def _score_command(home: Path, *, elsewhere: bool) -> str:
    """Write the command that asks this demo's model, as this very shell takes it.

    Args:
        elsewhere: the environment names another database, which has to be put aside.
    """
    database = "FEEDBACK_DATABASE_URL= " if elsewhere else ""
    return f"FEEDBACK_HOME={shlex.quote(str(home))} {database}{_own_name()} score my-talk.txt"


def _own_name() -> str:
    called = sys.argv[0]
    if Path(called).name != "feedback" or shutil.which("feedback") == str(Path(called).absolute()):
        return "feedback"
    return shlex.quote(called)
