"""Figures of the running service, and the health of its parts: pure records, read for a person and for Prometheus alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args

from feedback_model.records.promotion import Verdict as PromotionVerdict
from feedback_model.records.retraining import Reason
from feedback_model.records.retraining import Verdict as RetrainingVerdict

PartState = Literal["ok", "not running", "unhealthy"]
RetrainingOutcome = Literal["promote", "hold", "inconclusive", "finished", "running", "unfinished"]
"""What the gate decided; `finished`: without a decision; `unfinished`: it ended or died, and its data waits again."""
RETRAINING_OUTCOMES: Final[tuple[RetrainingOutcome, ...]] = get_args(RetrainingOutcome)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the service, for a person."""

    name: str
    state: PartState
    found: str
    """One line; nothing secret."""
    remedy: str = ""
    """What to do; empty where nothing is to be done."""


@dataclass(frozen=True, slots=True)
class HomeFigures:
    """The home folder and its disk."""

    path: str
    writable: bool
    free_bytes: int


@dataclass(frozen=True, slots=True)
class RetrainingDecided:
    """A decision whether to train on what had landed."""

    decided_at: datetime
    verdict: RetrainingVerdict
    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class LastRetraining:
    """The newest retraining that began."""

    began_at: datetime
    finished_at: datetime | None
    """None while it runs, and where it did not finish."""
    outcome: RetrainingOutcome


@dataclass(frozen=True, slots=True)
class ChampionFigures:
    """The model that answers."""

    model: str
    base_model: str
    run_id: str | None
    """None for a base."""
    since: datetime


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """What the database knows of the service."""

    dialect: str
    schema: str
    """Revision of its tables; empty before the first."""
    newest_schema: str
    """The revision that this code knows."""
    size_bytes: int
    batches_waiting: int = 0
    """Landings with new transcripts that nobody alive has claimed."""
    batches_claimed: int = 0
    """Landings that a retraining works on."""
    transcripts_waiting: int = 0
    """In the landings that wait."""
    labels: Mapping[str, int] = field(default_factory=dict[str, int])
    """Transcripts by the state of their label, as the view `label_progress` has it; `failed` ones are set aside."""
    cost_usd: Mapping[str, float] = field(default_factory=dict[str, float])
    """Spent on each label model, by the ledger."""
    unknown_usd: float = 0.0
    """At most, for attempts whose end nobody knows."""
    decision: RetrainingDecided | None = None
    """The newest one, which may be to wait."""
    retraining: LastRetraining | None = None
    champion: ChampionFigures | None = None


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """A work pool and its workers."""

    name: str
    ready: bool
    """A worker is online and the pool is not paused."""
    paused: bool
    workers_online: int
    last_heartbeat: datetime | None
    """Of any of its workers."""


@dataclass(frozen=True, slots=True)
class RunFigures:
    """A flow run that is not over."""

    flow: str
    name: str
    state: str
    """As Prefect names it: `Running`, `Late`, `AwaitingConcurrencySlot`, ..."""
    since: datetime
    deployed: bool
    """Started from a deployment, and not inside of another run."""
    pool: str | None


@dataclass(frozen=True, slots=True)
class RunFailure:
    """The newest run of a deployment that failed or crashed."""

    flow: str
    stage: str
    """The innermost flow that failed: the run's own, or that of a run that it had started."""
    state: str
    ended_at: datetime
    message: str
    """One line."""
    page: str
    """In the UI."""
    stands: bool
    """No later run of the same flow has completed."""


@dataclass(frozen=True, slots=True)
class PrefectFigures:
    """What a Prefect server says of pools and runs."""

    url: str
    version: str
    pools: tuple[PoolFigures, ...] = ()
    runs: tuple[RunFigures, ...] = ()
    failure: RunFailure | None = None


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """All that can be known of the service at a moment; a part that cannot be read has a sentence instead."""

    taken_at: datetime
    home: HomeFigures
    store: StoreFigures | None
    """None where there is no database yet, or it cannot be read."""
    store_problem: str
    prefect: PrefectFigures | None
    """None where no server runs, or it cannot be read."""
    prefect_problem: str


def promotion_outcome(verdict: PromotionVerdict | None) -> RetrainingOutcome:
    """Name the outcome of a retraining that finished by what the gate decided."""
    return verdict or "finished"
