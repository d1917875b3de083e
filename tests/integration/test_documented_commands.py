"""What the documentation tells a reader to type works, in a home folder that holds one evaluated training."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from eval.promote import decide_and_record
from feedback_model.settings import Settings
from feedback_model.store import tables
from feedback_model.store.connection import open_store
from feedback_model.store.promotions import champion, record_decision
from feedback_model.transcripts.near_duplicates import signature_of
from tests.documented_blocks import Block, runnable
from tests.evaluated_run import evaluate_run, fill_run, put_adapters
from tests.scratch_shell import ScratchShell

TUTORIAL = "docs/tutorial.md"  # trains a model, so tests/e2e runs it
COMMANDS = [block for block in runnable("bash", "python") if block.page != TUTORIAL]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> ScratchShell:
    """A shell in whose home two models have been champion, so that one can be rolled back to."""
    shell = ScratchShell(tmp_path_factory.mktemp("reader"))
    settings = Settings(home=shell.folder / ".feedback", _env_file=None)
    settings.home.mkdir()
    store = open_store(settings.store_url)
    run = fill_run(store, n_held_out=60)
    put_adapters(store, settings.home)
    with store.write() as connection:  # or landing more would have nothing to compare with
        connection.execute(update(tables.transcript).values(signature=signature_of("another talk")))
    validation, test = evaluate_run(run)
    first = decide_and_record(store, settings.home, validation.evaluation_id, test.evaluation_id)
    present = champion(store)
    assert present is not None
    later = replace(first, model_id="model-epoch-1", model="epoch-1", decided_at=None, champion_id=present.model_id)
    record_decision(store, later)
    store.close()
    return shell


@pytest.mark.parametrize("block", COMMANDS, ids=str)
def test_documented_command_works(shell: ScratchShell, block: Block) -> None:
    shell.run(block)
