"""The thread that owns the model: it loads it, asks it batch by batch, and swaps it between two batches.

Nothing else in this process touches a tensor. One model is in memory at a time, so a swap that fails loads the former one again.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from feedback_model.errors import FeedbackError, InputError, Interrupted, ModelError, Unwanted
from feedback_model.inference.generator import Generator, Output
from feedback_model.inference.infer import default_max_new_tokens, open_generator
from feedback_model.inference.models import ChosenModel
from feedback_model.progress import stopping_when
from feedback_model.records.evaluation import Decoding
from feedback_model.serving.job_queue import Answer, Job, JobQueue, ServedModel
from feedback_model.serving.metrics import Metrics
from feedback_model.settings import Settings
from feedback_model.training.checkpoints import verified_folder

BATCH_SIZE: Final = 16
"""Texts asked together unless `FEEDBACK_INFERENCE_BATCH_SIZE` says otherwise; a longer batch keeps newcomers waiting."""
BATCH_TOKENS: Final = 16_384
"""Prompt tokens asked together at most, the padding of shorter texts included."""

Tell = Callable[[str], None]
_log = logging.getLogger(__name__)


class ModelWorker:
    """One model, and the thread in which it answers."""

    def __init__(
        self,
        settings: Settings,
        queue: JobQueue,
        chosen: ChosenModel,
        decoding: Decoding | None,
        metrics: Metrics,
        tell: Tell,
        on_ready: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        """Prepare to serve `chosen`, under its own way of decoding unless `decoding` is given.

        Args:
            tell: hears of what a person should know.
            on_ready: called once the first model is loaded.
            on_end: called when nothing will be answered any more.
        """
        self.served: ServedModel | None = None
        self.failure: Exception | None = None
        """Why the thread ended before it was asked to."""
        self.refused: str | None = None
        """Why the model that should answer by now does not; None where it does."""
        self._settings, self._queue = settings, queue
        self._decoding: Decoding | None = decoding
        self._metrics, self._tell, self._on_ready, self._on_end = metrics, tell, on_ready, on_end
        self._wanted = self._followed = chosen
        self._generators: dict[Decoding, Generator] = {}
        self._most = settings.inference_batch_size or BATCH_SIZE
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)

    def start(self) -> None:
        """Load the model and answer, in a thread of its own."""
        self._thread.start()

    def join(self) -> None:
        """Wait until everything in the queue, which is closed, is answered."""
        self._thread.join()

    def follow(self, chosen: ChosenModel) -> None:
        """Have `chosen` answer from the next batch on; from any thread."""
        self._wanted = chosen
        self._queue.wake()

    def _run(self) -> None:
        error: Exception = Interrupted("the server was stopped before this was answered; send it again")
        try:
            self._load(self._wanted)
            self._on_ready()
            while (jobs := self._queue.take(self._most)) is not None:
                self._follow_champion()
                self._answer(jobs)
        except Exception as failure:  # noqa: BLE001 - it goes to whoever waits, and to the command that started us
            error = self.failure = failure
        finally:
            self._queue.close(error)
            self._on_end()

    def _load(self, chosen: ChosenModel) -> None:
        started = time.perf_counter()
        model = chosen.version
        decoding = self._decoding or chosen.decoding
        limit = self._settings.max_new_tokens or default_max_new_tokens(model)
        self._generators = {}  # two models need not fit into memory
        generator, device = open_generator(self._settings.home, model, decoding, limit)
        self._generators = {decoding: generator}
        self._queue.own_way = decoding
        self.served = ServedModel(chosen, decoding, limit, device)
        self._metrics.note_model(self.served)
        self._metrics.note_loading(time.perf_counter() - started)

    def _follow_champion(self) -> None:
        """Load the model that is wanted now, where it is another than the one that answers."""
        served, wanted = self.served, self._wanted
        if served is None or wanted is self._followed:
            return
        self._followed, self.refused = wanted, None
        if self._is_loaded(served, wanted):
            self.served = replace(served, chosen=wanted)
            self._metrics.note_model(self.served)
        elif self._has_files(wanted):
            self._swap(served, wanted)

    def _is_loaded(self, served: ServedModel, wanted: ChosenModel) -> bool:
        same_decoding = (self._decoding or wanted.decoding) == served.decoding
        return same_decoding and wanted.version.model_id == served.chosen.version.model_id

    def _has_files(self, wanted: ChosenModel) -> bool:
        """Look at its adapter: what can be refused without touching the model that answers, is."""
        try:
            if wanted.version.checkpoint:
                verified_folder(self._settings.home, wanted.version.checkpoint)
        except FeedbackError as error:
            self._refuse(wanted, error)
            return False
        return True

    def _swap(self, served: ServedModel, wanted: ChosenModel) -> None:
        try:
            self._load(wanted)
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a new model, the old one still answers
            self._refuse(wanted, error)
            self._load(served.chosen)
        else:
            self._metrics.reloads.labels("loaded").inc()
            self._tell(f"{describe_model(wanted)} answers from now on")

    def _refuse(self, wanted: ChosenModel, error: Exception) -> None:
        reason = str(error) if isinstance(error, FeedbackError) else f"{type(error).__name__}: {error}"
        self.refused = f"{describe_model(wanted)} could not be loaded: {reason}"
        self._tell(f"{self.refused}; the model before it goes on answering")
        self._metrics.reloads.labels("failed").inc()

    def _answer(self, jobs: Sequence[Job]) -> None:
        if not jobs or (served := self.served) is None:
            return
        decoding = jobs[0].decoding or served.decoding
        try:
            generator = self._generator(served, decoding)
            lengths = generator.lengths([job.text for job in jobs])
            for batch in split_by_tokens(list(zip(jobs, lengths, strict=True)), BATCH_TOKENS):
                if waited_for := [each for each in batch if each[0].answer.set_running_or_notify_cancel()]:
                    self._ask(generator, served, decoding, waited_for)
        except Exception as error:  # it goes to whoever waits, and the server goes on
            self._fail(jobs, error)
            if isinstance(error, Interrupted):
                raise

    def _generator(self, served: ServedModel, decoding: Decoding) -> Generator:
        if decoding not in self._generators:
            version, limit = served.chosen.version, served.max_new_tokens
            try:
                self._generators[decoding], _ = open_generator(self._settings.home, version, decoding, limit)
            except ModelError as error:
                raise InputError(str(error)) from error
        return self._generators[decoding]

    def _ask(
        self, generator: Generator, served: ServedModel, decoding: Decoding, batch: Sequence[tuple[Job, int]]
    ) -> None:
        """Answer one batch; where it fails, text by text, so that only the texts that it fails on have no answer."""
        started = time.perf_counter()
        try:
            self._metrics.answering.set(len(batch))
            with stopping_when(lambda: all(job.is_given_up for job, _ in batch)):
                outputs = generator.generate([job.text for job, _ in batch])
        except Interrupted:
            raise
        except Unwanted as error:
            self._fail([job for job, _ in batch], error)
        except Exception as error:  # noqa: BLE001 - a text that a model fails on must not end the server
            if len(batch) == 1:
                self._fail([batch[0][0]], error)
            else:
                for each in batch:
                    self._ask(generator, served, decoding, [each])
        else:
            self._hand_over(batch, outputs, served, decoding, time.perf_counter() - started)
        finally:
            self._metrics.answering.set(0)

    def _fail(self, jobs: Sequence[Job], error: Exception) -> None:
        if not isinstance(error, FeedbackError):
            _log.debug("the model failed on %d texts", len(jobs), exc_info=error)
            error = ModelError(f"the model failed on this text ({type(error).__name__}: {error})")
            self._tell(str(error))
        for job in jobs:
            if not job.answer.done() and (job.answer.running() or job.answer.set_running_or_notify_cancel()):
                job.answer.set_exception(error)

    def _hand_over(
        self,
        batch: Sequence[tuple[Job, int]],
        outputs: Sequence[Output],
        served: ServedModel,
        decoding: Decoding,
        seconds: float,
    ) -> None:
        self._queue.note_speed(decoding, len(batch), seconds)
        self._metrics.note_batch(decoding, len(batch), seconds, sum(output.n_tokens for output in outputs))
        for (job, length), output in zip(batch, outputs, strict=True):
            job.answer.set_result(Answer(output, served, decoding, length))


def describe_model(chosen: ChosenModel) -> str:
    """Name a model for a person: what it is in its training, and whether it is the champion."""
    version = chosen.version
    made = f"{version.name} of training run {version.checkpoint.run_id}" if version.checkpoint else version.name
    return f"the champion, {made}," if chosen.is_champion else made


def split_by_tokens(jobs: Sequence[tuple[Job, int]], most: int) -> Iterator[Sequence[tuple[Job, int]]]:
    """Yield `jobs`, each with the length of its prompt, in batches whose padded prompts have at most `most` tokens.

    A text that has more of them alone is a batch of its own.
    """
    start, longest = 0, 0
    for end, (_, length) in enumerate(jobs):
        longest = max(longest, length)
        if end > start and longest * (end + 1 - start) > most:
            yield jobs[start:end]
            start, longest = end, length
    if jobs:
        yield jobs[start:]
