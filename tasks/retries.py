"""Retry policy of every task: again where waiting helps, never where it cannot.

What is worth waiting for is said once, by `FeedbackError.temporary`: a database that is away or locked, an endpoint or a hub
that does not answer. A wrong key, a missing stage or unusable input fails at the first attempt.
"""

from collections.abc import Callable
from typing import Any, Final, TypedDict

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from feedback_model.errors import FeedbackError
from feedback_model.waiting import Wait, is_listened_to, tell


class Retries(TypedDict):
    """The arguments of `prefect.task` that say when to try again."""

    retries: int
    retry_delay_seconds: Callable[[int], list[float]]
    retry_jitter_factor: float
    retry_condition_fn: Callable[[Task[..., Any], TaskRun, State[Any]], bool]


def retry_if_temporary(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Retry where the error that a task ended with may pass by itself, and tell whoever watches the command line."""
    error = state.data
    if not isinstance(error, FeedbackError) or not error.temporary:
        return False
    if is_listened_to():  # a run that nobody listens to has Prefect's own line about it in its log
        tell(Wait(f"a retry, because {error}", None, "Ctrl-C twice stops"))
    return True


RETRIES: Final[Retries] = {
    "retries": 6,
    # 2, 4, 8, 16, 32, 64: an outage of a minute is outlived even where jitter makes every delay its shortest.
    "retry_delay_seconds": exponential_backoff(2),
    "retry_jitter_factor": 0.5,  # tasks that failed together do not come back together
    "retry_condition_fn": retry_if_temporary,
}
