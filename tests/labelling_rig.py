"""What the labelling tests share: a store with transcripts in it, settings that point at an endpoint, and the endpoint's bill."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from sqlalchemy import func, select

from feedback_model.demo.speech import generate_transcripts
from feedback_model.records.identifiers import content_id
from feedback_model.settings import Settings
from feedback_model.store.bulk import insert_missing
from feedback_model.store.clock import now
from feedback_model.store.connection import Store
from feedback_model.store.tables import label, label_request, label_response, transcript
from feedback_model.transcripts.near_duplicates import signature_of
from tests.databases import open_sqlite
from tests.local_service import HANGS


def settings_for(
    home: Path, url: str = "http://127.0.0.1:9/v1", timeout: float = 60.0, concurrency: int = 8
) -> Settings:
    return Settings(
        home=home,
        openai_base_url=url,
        OPENAI_API_KEY="test",
        label_model="embedded-rubric-3",
        request_timeout=timeout,
        label_concurrency=concurrency,
        relabel_share=0.0,
        _env_file=None,
    )


def filled_store(settings: Settings, count: int) -> Store:
    """A store with `count` train transcripts."""
    store = open_sqlite(settings.store_url)
    with store.write() as connection:
        insert_missing(connection, transcript, [_row(each.text) for each in generate_transcripts(count, seed=1)])
    return store


def _row(text: str) -> dict[str, object]:
    name = content_id("transcript", text)
    return {
        "transcript_id": name,
        "source_id": name,
        "text": text,
        "source": "test",
        "genre": "",
        "n_words": len(text.split()),
        "split": "train",
        "origin": "real",
        "signature": signature_of(text),
        "landed_at": now(),
    }


def count_rows(store: Store) -> dict[str, int]:
    """Rows of label, reply and request."""
    with store.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (label, label_response, label_request)
        }


def states(store: Store) -> dict[tuple[str, str | None], int]:
    """How many requests stand in each state, with each error."""
    grouped = select(label_request.c.state, label_request.c.error, func.count()).group_by(
        label_request.c.state, label_request.c.error
    )
    with store.read() as connection:
        return {(row[0], row[1]): row[2] for row in connection.execute(grouped)}


def bill(url: str) -> dict[str, int]:
    """Replies charged, by the hash of what was asked."""
    return bill_of(url)["replies"]


def requests_seen(url: str) -> int:
    """Requests that reached the endpoint, refused ones too."""
    return totals_of(url)["requests"]


def spent(url: str) -> Decimal:
    """What the endpoint charged, in USD, exactly."""
    return Decimal(totals_of(url)["usd"])


def pay_the_bill(url: str, quota: int) -> None:
    """Let the endpoint answer so many requests in all."""
    body = json.dumps({"quota": quota}).encode()
    urllib.request.urlopen(url.removesuffix("/v1") + "/rig/quota", body, timeout=HANGS).close()


async def until(holds: Callable[[], bool]) -> None:
    """Let the event loop run until `holds`."""
    while not holds():  # noqa: ASYNC110 - other processes make it so, and set no event
        await asyncio.sleep(0.02)


def kill_when_held(process: subprocess.Popen[str], url: str) -> None:
    """SIGKILL `process` once the endpoint withholds an answer from it."""
    deadline = time.monotonic() + HANGS
    while not _get(url, "/rig/held"):
        assert process.poll() is None, "the process ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def bill_of(url: str):
    return _get(url, "/bill")


def totals_of(url: str):
    """The bill's sums alone; what is polled often, or is long."""
    return _get(url, "/bill/totals")


def charged_by_try(url: str) -> dict[str, Decimal]:
    """What was charged for each try, in USD, by its id."""
    return {name: Decimal(each["usd"]) for name, each in _get(url, "/bill/requests").items()}


def _get(url: str, path: str):
    with urllib.request.urlopen(url.removesuffix("/v1") + path, timeout=HANGS) as response:
        return json.load(response)


_CHILD = """
import asyncio, sys
from pathlib import Path
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.batch_jobs import label_in_batches
from feedback_model.labelling.label import label_missing
from feedback_model.settings import Settings
from feedback_model.store.connection import open_store

async def main():
    settings = Settings(_env_file=None)
    store = open_store(settings.store_url)
    async with open_labeller("openai", settings) as labeller:
        buying = label_in_batches if "batch" in sys.argv else label_missing
        print(await buying(store, labeller, labelling_config_of("openai", settings), settings), flush=True)
        if "augment" in sys.argv:
            from feedback_model.augmentation.augment import augment
            print(await augment(store, labeller, labelling_config_of("openai", settings), settings), flush=True)

asyncio.run(main())
"""


def start_labelling(settings: Settings, *, augment: bool = False, batch: bool = False) -> subprocess.Popen[str]:
    """A process of its own that labels all that is missing, in batches or at once, and then augments if told to."""
    environment = {
        **os.environ,
        "FEEDBACK_HOME": str(settings.home),
        "FEEDBACK_DATABASE_URL": settings.database_url,
        "FEEDBACK_OPENAI_BASE_URL": settings.openai_base_url,
        "FEEDBACK_LABEL_MODEL": settings.label_model,
        "FEEDBACK_LABEL_CONCURRENCY": str(settings.label_concurrency),
        "FEEDBACK_RELABEL_SHARE": str(settings.relabel_share),
        "FEEDBACK_STORE_COMPLETIONS": str(settings.store_completions),
        "OPENAI_API_KEY": "test",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    command = [sys.executable, "-c", _CHILD, *["augment"] * augment, *["batch"] * batch]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE)


def kill_when(process: subprocess.Popen[str], url: str, replies: int) -> None:
    """SIGKILL `process` once the endpoint has charged so many replies."""
    deadline = time.monotonic() + HANGS
    while sum(bill(url).values()) < replies:
        assert process.poll() is None, "the process ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
