"""`feedback-container land`: land the files of a tar stream, wait until a retraining has used them, and show the results.

The stream is unpacked into the landing volume and removed from there once it is landed: the database has the texts, and a copy
beside it would outlive a `feedback forget`.
"""

import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deployments.terminal import say
from feedback_model.errors import ConfigurationError, FeedbackError, InputError
from feedback_model.records.service import StoreFigures
from feedback_model.settings import Settings

FOLDER: Final = Path("/landing")
POLL_SECONDS: Final = 2.0


def main() -> int:
    """Land what standard input holds; options are those of `feedback land`."""
    began = datetime.now(UTC)
    try:
        _land(sys.argv[1:])
        _follow(Settings(), began)
    except FeedbackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return subprocess.run(["feedback", "results"], check=False).returncode


def _land(options: list[str]) -> None:
    with tempfile.TemporaryDirectory(dir=FOLDER) as unpacked:
        done = subprocess.run(["tar", "--extract", "--no-same-owner", f"--directory={unpacked}"], check=False)
        if done.returncode or not any(Path(unpacked).iterdir()):
            raise InputError("standard input holds no tar archive with files; docker/land makes one")
        landed = subprocess.run(["feedback", "land", unpacked, *options], check=False)
    if landed.returncode:
        raise InputError("nothing was landed")


def _follow(settings: Settings, began: datetime) -> None:
    """Wait until nothing that has landed waits for a retraining or is being trained on."""
    from feedback_model.store.store_figures import read_store_figures

    told = ""
    while (figures := read_store_figures(settings.store_url)) and (found := stage(figures, began)):
        if found != told:
            say(told := found)
        time.sleep(POLL_SECONDS)  # between two looks


def stage(figures: StoreFigures, began: datetime) -> str:
    """Say what is waited for; empty once nothing is.

    Args:
        began: since when it is waited; what was decided before says nothing of this landing.

    Raises:
        ConfigurationError: it will not come by itself.
    """
    if figures.batches_claimed:
        labels = ", ".join(f"{count:,} {state}" for state, count in figures.labels.items())
        return f"a retraining works on it ({labels or 'no labels yet'})"
    if not figures.batches_waiting:
        return ""
    last, decision = figures.retraining, figures.decision
    if last and last.began_at > began and last.outcome == "unfinished":
        raise ConfigurationError("the retraining did not finish; `docker/compose run --rm feedback status` says why")
    if decision and decision.decided_at > began and decision.verdict == "wait":
        raise ConfigurationError(f"the retraining has not begun: {decision.sentence}")
    return "waiting for a retraining to begin"


if __name__ == "__main__":
    sys.exit(main())
