"""`feedback demo`: the whole loop on embedded defaults, in a home folder of its own."""

import os
from typing import Annotated

import typer

from deployments.cli.options import Json, load_settings
from deployments.cli.stages import show_outcome
from deployments.local.run_flow import run_flow
from deployments.terminal import say

TRANSCRIPTS = 2_000  # a tenth each is held out: enough to tell the tuned model from the constant predictor
SEED = 7


def demo(
    transcripts: Annotated[int, typer.Option(min=200, help="Synthetic transcripts to generate.")] = TRANSCRIPTS,
    seed: Annotated[int, typer.Option(min=0, help="Seeds the transcripts and the training.")] = SEED,
    json: Json = False,
) -> None:
    """Run the whole loop on embedded defaults: no key, no GPU, no network; under $FEEDBACK_HOME/demo."""
    from feedback_model.demo.speech import write_demo_input

    home = load_settings().home / "demo"
    # The demo must not touch what is real, wherever the environment points.
    os.environ.update({"FEEDBACK_HOME": str(home), "FEEDBACK_DATABASE_URL": ""})
    settings = load_settings()
    source = settings.home / f"transcripts-{transcripts}-{seed}.jsonl"
    if not source.exists():
        write_demo_input(source, transcripts, seed)
    if not json:
        say("Labeller, transcripts and base model are those embedded for the demo; every figure below is theirs.")

    async def call() -> str:
        from flows.pipeline import pipeline

        return await pipeline(inputs=[str(source)], labeller="embedded", base_model="embedded", seed=seed)

    show_outcome(settings, run_flow(settings, call, quiet=json), json=json)
