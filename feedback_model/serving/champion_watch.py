"""Looks into the database every few seconds whether another model should answer."""

import threading
import time
from typing import Final

from feedback_model.errors import FeedbackError
from feedback_model.inference.models import ChosenModel, choose_model
from feedback_model.serving.model_worker import ModelWorker, Tell
from feedback_model.store.connection import Store

LOOK_SECONDS: Final = 3.0
"""Between two looks: a query of a millisecond."""
RETRY_SECONDS: Final = 60.0
"""Until a model that could not be loaded is tried again."""


class ChampionWatch:
    """Has the worker follow the champion."""

    def __init__(self, store: Store, name: str | None, worker: ModelWorker, present: ChosenModel, tell: Tell) -> None:
        """Follow what `name` means, from `present` on.

        Args:
            name: `champion`; None: the champion, else the best epoch.
            tell: hears of a database that cannot be asked.
        """
        self._store, self._name, self._worker, self._tell = store, name, worker, tell
        self._asked_for, self._asked_at = present, time.monotonic()
        self._trouble: str | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="champion watch", daemon=True)

    def start(self) -> None:
        """Look every few seconds, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            try:
                self._look()
            except FeedbackError as error:
                self._say_once(str(error))
            else:
                self._trouble = None

    def _look(self) -> None:
        found = choose_model(self._store, self._name)
        failed = self._worker.refused is not None and time.monotonic() - self._asked_at > RETRY_SECONDS
        if found != self._asked_for or failed:
            self._asked_for, self._asked_at = found, time.monotonic()
            self._worker.follow(found)

    def _say_once(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._tell(f"whether the champion has changed cannot be told: {trouble}")
