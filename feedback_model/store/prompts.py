"""Prompt versions in SQL: each that was used, with its text."""

from dataclasses import asdict

from sqlalchemy import select

from feedback_model.errors import InputError
from feedback_model.records.prompts import PromptRecord
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.tables import prompt


def record_prompt(store: Store, used: PromptRecord) -> None:
    """Write a version down when it is first used; later uses change nothing."""
    stands = select(prompt.c.prompt_version).where(prompt.c.prompt_version == used.prompt_version)
    with store.read() as connection:
        if connection.execute(stands).first():
            return
    with store.write() as connection:
        insert_missing(connection, prompt, [{**asdict(used), "first_used_at": now()}])


def read_prompt(store: Store, prompt_version: str) -> PromptRecord:
    """Read a version.

    Raises:
        InputError: it was never used here.
    """
    columns = (prompt.c.prompt_version, prompt.c.name, prompt.c.text)
    with store.read() as connection:
        found = connection.execute(select(*columns).where(prompt.c.prompt_version == prompt_version)).first()
        if found:
            return PromptRecord(*found)
        used = connection.execute(select(prompt.c.prompt_version).order_by(prompt.c.first_used_at)).scalars().all()
    raise InputError(
        f"no prompt version {prompt_version!r} was used in this database; "
        f"{'there are ' + ', '.join(used) if used else 'none was yet, the first label brings one'}"
    )
