"""The health of each part of the service, judged by its figures: one line a part, and what to do where it is not well."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from feedback_model.records.service import (
    LastRetraining,
    Part,
    PoolFigures,
    PrefectFigures,
    RetrainingOutcome,
    RunFigures,
    ServiceFigures,
    StoreFigures,
)
from feedback_model.sizes import show_size
from feedback_model.waiting import duration

LOW_DISK: Final = 2**30
"""Bytes; a checkpoint, its state and a dataset version of a small base model take less."""
VITAL: Final = ("home folder", "database", "Prefect server", "workers")
"""Parts without which nothing goes on; the others tell how the work went."""
_LONG_AGO: Final = timedelta(days=2)
_UP: Final = "`feedback up` starts it"
_OUTCOMES: Final[dict[RetrainingOutcome, str]] = {
    "promote": "made a new champion",
    "hold": "not promoted",
    "inconclusive": "no difference could be told, not promoted",
    "finished": "nothing was decided",
}
_NOT_STARTED: Final = ("Late", "Pending", "Submitting")
_WAITS: Final = {
    "AwaitingConcurrencySlot": "until another run of its deployment ends",
    "AwaitingRetry": "to be tried again",
    "Paused": "until somebody resumes it",
    "Suspended": "until somebody resumes it",
}


def judge_parts(figures: ServiceFigures) -> tuple[Part, ...]:
    """Judge every part, the vital ones first."""
    prefect, store, moment = figures.prefect, figures.store, figures.taken_at
    parts = [_home(figures), _database(figures), _server(figures)]
    if prefect is not None:
        parts += [_workers(prefect, moment), _runs(prefect, moment), _failure(prefect, moment)]
    if store is not None and store.schema == store.newest_schema:
        parts += [
            _waiting(store),
            _retraining(store, moment),
            _champion(store, moment),
            _labels(store),
            _spending(store),
        ]
    return tuple(parts)


def judge_serving(url: str, answer: str | None) -> Part:
    """Judge `feedback serve` by what it says of its readiness.

    Args:
        answer: empty where it is ready, its problem where not; None where nothing answers.
    """
    if answer is None:
        return Part("serve", "not running", f"nothing answers at {url}", "`feedback serve` starts it")
    if answer:
        return Part("serve", "unhealthy", f"{url} does not give feedback: {answer}", "look at what it printed")
    return Part("serve", "ok", f"answers at {url}")


def is_healthy(parts: tuple[Part, ...]) -> bool:
    """Tell whether no part is unhealthy; one that does not run is none."""
    return all(part.state != "unhealthy" for part in parts)


def _home(figures: ServiceFigures) -> Part:
    home = figures.home
    found = f"{home.path}, {show_size(home.free_bytes)} free"
    if not home.writable:
        return Part("home folder", "unhealthy", f"{found}; cannot be written", "make it yours, or make room")
    if home.free_bytes < LOW_DISK:
        return Part("home folder", "unhealthy", found, "make room: `feedback housekeeping` says what can go")
    return Part("home folder", "ok", found)


def _database(figures: ServiceFigures) -> Part:
    store = figures.store
    if store is None and figures.store_problem:
        return _broken("database", figures.store_problem)
    if store is None or not store.schema:
        return Part("database", "not running", "none yet", "the first `feedback land` makes it")
    found = f"{store.dialect}, {show_size(store.size_bytes)}, schema {store.schema}"
    if store.schema < store.newest_schema:
        return Part("database", "ok", f"{found}, which the next command that writes brings to {store.newest_schema}")
    if store.schema > store.newest_schema:
        return Part("database", "unhealthy", f"{found}, newer than this version knows", "update this installation")
    return Part("database", "ok", found)


def _broken(name: str, problem: str) -> Part:
    """Judge a part that could not be read, by an error's sentence: what was found, then what to do."""
    found, _, remedy = problem.partition("; ")
    return Part(name, "unhealthy", found, remedy)


def _server(figures: ServiceFigures) -> Part:
    if figures.prefect is not None:
        return Part("Prefect server", "ok", f"{figures.prefect.url}, version {figures.prefect.version}")
    if figures.prefect_problem:
        return _broken("Prefect server", figures.prefect_problem)
    return Part("Prefect server", "not running", "commands start one of their own", _UP)


def _workers(prefect: PrefectFigures, moment: datetime) -> Part:
    idle = [pool for pool in prefect.pools if not pool.ready]
    found = ", ".join(_pool_phrase(pool, moment) for pool in prefect.pools) or "no work pool"
    if not prefect.pools:
        return Part("workers", "unhealthy", found, "`feedback up` makes pools and workers")
    if paused := [pool.name for pool in idle if pool.paused]:
        return Part("workers", "unhealthy", found, f"resume the work pool {paused[0]} in the UI")
    if idle:
        remedy = f"start `feedback up`, or a worker: prefect worker start --pool {idle[0].name}"
        return Part("workers", "unhealthy", found, remedy)
    return Part("workers", "ok", found)


def _pool_phrase(pool: PoolFigures, moment: datetime) -> str:
    if pool.paused:
        return f"{pool.name}: paused"
    heard = f", last heard {_ago(pool.last_heartbeat, moment)}" if pool.last_heartbeat else ""
    return f"{pool.name}: {pool.workers_online or 'none'} online{heard}"


def _runs(prefect: PrefectFigures, moment: datetime) -> Part:
    if not prefect.runs:
        return Part("runs", "ok", "none under way")
    ready = {pool.name for pool in prefect.pools if pool.ready}
    return Part("runs", "ok", "; ".join(_run_phrase(run, ready, moment) for run in prefect.runs))


def _run_phrase(run: RunFigures, ready: set[str], moment: datetime) -> str:
    phrase = f"{run.flow} ({run.name}) {run.state} for {duration((moment - run.since).total_seconds())}"
    if run.state in _WAITS:
        return f"{phrase}, waits {_WAITS[run.state]}"
    if run.state not in _NOT_STARTED or run.pool is None:
        return phrase
    if run.pool not in ready:
        return f"{phrase}, waits for a worker of the pool {run.pool}"
    return f"{phrase}, waits until its pool has room" if run.state == "Late" else f"{phrase}, a worker starts it"


def _failure(prefect: PrefectFigures, moment: datetime) -> Part:
    failure = prefect.failure
    if failure is None:
        return Part("last failure", "ok", "none is known")
    where = failure.flow if failure.stage == failure.flow else f"{failure.flow} in {failure.stage}"
    found = f"{where} {failure.state}, {_ago(failure.ended_at, moment)}: {failure.message}"
    if failure.stands:
        return Part(
            "last failure", "unhealthy", found, f"its log is at {failure.page}; a run that completes clears this"
        )
    return Part("last failure", "ok", f"{found} (a later run completed)")


def _waiting(store: StoreFigures) -> Part:
    under_way = f"{_landings(store.batches_claimed)} being trained on; " if store.batches_claimed else ""
    if not store.batches_waiting:
        return Part("landed data", "ok", f"{under_way}none waits")
    waits = f"{store.transcripts_waiting:,} new transcripts of {_landings(store.batches_waiting)} wait for a retraining"
    return Part("landed data", "ok", f"{under_way}{waits}")


def _landings(count: int) -> str:
    return "1 landing" if count == 1 else f"{count} landings"


def _retraining(store: StoreFigures, moment: datetime) -> Part:
    last, decision = store.retraining, store.decision
    waited = ""
    if decision is not None and decision.verdict == "wait":
        waited = f"last asked {_ago(decision.decided_at, moment)} and not begun: {decision.sentence}"
    if last is None:
        return Part("last retraining", "ok", waited or "none yet")
    if last.outcome == "unfinished":
        remedy = "the last failure says why; `feedback run` tries it once"
        found = f"began {_ago(last.began_at, moment)} and did not finish; its data waits again"
        return Part("last retraining", "unhealthy", found, remedy)
    return Part("last retraining", "ok", "; ".join(filter(None, (_retraining_phrase(last, moment), waited))))


def _retraining_phrase(last: LastRetraining, moment: datetime) -> str:
    if last.finished_at is None:
        return f"under way, began {_ago(last.began_at, moment)}"
    return f"finished {_ago(last.finished_at, moment)}: {_OUTCOMES[last.outcome]}"


def _champion(store: StoreFigures, moment: datetime) -> Part:
    champion = store.champion
    if champion is None:
        return Part("champion", "ok", "none yet: no model has earned it")
    run = f" of run {champion.run_id[:8]}" if champion.run_id else ""
    return Part("champion", "ok", f"{champion.model}{run}, base {champion.base_model}, {_ago(champion.since, moment)}")


def _labels(store: StoreFigures) -> Part:
    counts = Counter(store.labels)
    failed = counts.pop("failed", 0)
    phrases = [f"{count:,} {state}" for state, count in counts.items()]
    phrases += [f"{failed:,} set aside"] * bool(failed)
    return Part("labels", "ok", ", ".join(phrases) or "none yet")


def _spending(store: StoreFigures) -> Part:
    phrases = [f"${cost:,.4f} for {model}" for model, cost in store.cost_usd.items()]
    phrases += [f"at most ${store.unknown_usd:,.4f} more for answers that were never seen"] * bool(store.unknown_usd)
    return Part("spending", "ok", ", ".join(phrases) or "nothing yet")


def _ago(moment: datetime, present: datetime) -> str:
    """Phrase how long ago something was, or on which day where that is easier to read."""
    passed = present - moment
    if passed > _LONG_AGO:
        return f"on {moment:%Y-%m-%d}"
    return f"{duration(max(0.0, passed.total_seconds()))} ago"
