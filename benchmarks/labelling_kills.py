"""Killed a hundred times while everything else goes wrong too: what is lost, what is paid twice, what is unaccounted for?

`python benchmarks/labelling_kills.py [--kills 100]`; two cores, ten minutes. Not collected by pytest.
Two processes label; one of them is killed (SIGKILL) at a random moment and started again, and so on. The stand-in for OpenAI's
API (`tests/openai_rig`) fails, cuts connections before and after billing, truncates, refuses and answers nonsense meanwhile. In
the end each try on its bill is looked up in the ledger.
"""

import argparse
import random
import signal
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from results_page import processor_seconds, table, write_results
from sqlalchemy import func, select

from feedback_model.store.connection import Store, open_store
from feedback_model.store.tables import label_attempt, label_request, label_response
from tests.labelling_rig import charged_by_try, filled_store, settings_for, start_labelling
from tests.openai_rig.process import serving

LONGEST: Final = 4.0  # seconds between two kills, at most; a process needs one to start
PER_KILL: Final = 180  # documents, so that there is work left until the last kill
FAULTS: Final = {
    "server_error_rate": 0.02,
    "reset_rate": 0.005,
    "reset_after_billing_rate": 0.005,
    "truncated_rate": 0.01,
    "refusal_rate": 0.005,
    "nonsense_rate": 0.005,
    "gateway_rate": 0.002,
    "slow_down_rate": 0.002,
    "long_wait_rate": 0.002,
    "overloaded_rate": 0.002,
}
NANO: Final = Decimal("1e-9")


@dataclass(frozen=True)
class Account:
    """The bill beside the ledger; the names are the table's columns."""

    kills: int
    documents: int
    lost: int
    """Documents in no final state."""
    set_aside: int
    """Documents whose every answer was of no use, or that the endpoint did not answer."""
    charged_tries: int
    never_seen: int
    """Charged, and no reply kept: the process or the connection was gone."""
    booked_as_unknown: int
    """Of these, those that the ledger names."""
    bought_twice: int
    """Usable answers that were charged beyond the first of each request; two answers to a bad one are not among them."""
    bill_usd: Decimal
    ledger_less_bill_usd: Decimal
    """What the ledger has for the replies that it kept, less what the bill has for the same."""


def run(folder: Path, kills: int, *, stored: bool) -> Account:
    """Kill so often, then let it end."""
    dice = random.Random(kills + stored)
    with serving(answers="canned", latency_median=0.3, requests_per_minute=4_800, seed=1, **FAULTS) as url:
        settings = settings_for(folder, url, concurrency=256)
        settings = settings.model_copy(update={"label_model": "gpt-4o-mini", "store_completions": stored})
        filled_store(settings, PER_KILL * kills).close()
        done, workers = 0, [start_labelling(settings) for _ in range(2)]
        for _ in range(kills):
            number = dice.randrange(2)
            done += kill_at_random(workers[number], dice)
            workers[number] = start_labelling(settings)
        for worker in workers:
            worker.communicate(timeout=900)
            if worker.returncode:
                raise SystemExit("a run after the last kill failed")
        return compare(open_store(settings.store_url), url, done)


def kill_at_random(process: Popen[str], dice: random.Random) -> bool:
    """Wait a random while, kill; False where it had ended before."""
    with suppress(TimeoutExpired):
        process.wait(timeout=dice.uniform(0, LONGEST))
    was_at_work = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return was_at_work


def compare(store: Store, url: str, kills: int) -> Account:
    """Look every charged try up in the ledger."""
    charged = charged_by_try(url)
    with store.read() as connection:
        states = Counter(connection.execute(select(label_request.c.state)).scalars())
        outcomes = {name: (asked, outcome) for name, asked, outcome in connection.execute(_TRIES).tuples()}
        kept = {name: Decimal(str(cost)) for name, cost in connection.execute(_COSTS).tuples()}
        spares = connection.execute(select(func.count()).where(label_response.c.problem == "spare")).scalar_one()
        useful = dict(connection.execute(_USEFUL).tuples().all())
    unseen = [name for name in charged if name not in kept]
    unknown = [name for name in unseen if outcomes.get(name, ("", ""))[1] == "unknown"]
    lost_answers = Counter(outcomes[name][0] for name in unseen if name in outcomes)
    twice = sum(lost_answers[asked] for asked in lost_answers if useful.get(asked))
    twice += sum(n - 1 for n in useful.values()) + spares
    return Account(
        kills,
        states.total(),
        states.total() - states["done"] - states["failed"],
        states["failed"],
        len(charged),
        len(unseen),
        len(unknown),
        twice,
        sum(charged.values(), Decimal(0)),
        (sum(kept.values(), Decimal(0)) - sum((charged[name] for name in kept), Decimal(0))).quantize(NANO),
    )


_TRIES = select(label_attempt.c.attempt_id, label_attempt.c.request_id, label_attempt.c.outcome)
_COSTS = select(label_response.c.attempt_id, label_response.c.cost_usd)
_USEFUL = (
    select(label_response.c.request_id, func.count())
    .where(label_response.c.problem.is_(None))
    .group_by(label_response.c.request_id)
)


def shown(figure: int | Decimal) -> str:
    return f"{figure:,.9f}" if isinstance(figure, Decimal) else f"{figure:,}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    kills = parser.parse_args().kills
    with tempfile.TemporaryDirectory() as folder:
        accounts = {
            "replies stored at the provider": run(Path(folder) / "stored", kills, stored=True),
            "not stored": run(Path(folder) / "not", kills, stored=False),
        }
    names = [field.name for field in fields(Account)]
    rows = [[name.replace("_", " "), *(shown(getattr(each, name)) for each in accounts.values())] for name in names]
    faults = ", ".join(f"{name.removesuffix('_rate').replace('_', ' ')} {rate:.1%}" for name, rate in FAULTS.items())
    body = f"""# Labelling, killed

{(__doc__ or "").splitlines()[0]}

Of two processes, one is killed every {LONGEST / 2:g} s on average; the endpoint lets 80 requests a second pass, with a median
latency of 0.3 s, so that some 24 are under way. Beside the kills, of requests: {faults}.

{table(["", *accounts], rows)}

Never seen are answers that were charged and reached nobody. Where the provider stores replies they are found again and used;
where it does not, each is in the view `labelling_attempts` as unknown, and its document is asked about once more.
"""
    write_results("labelling_kills", ["openai", "sqlalchemy", "aiohttp"], processor_seconds(), body)


if __name__ == "__main__":
    main()
