"""The model that answers: loaded at the first question, and asked about texts of like length together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from feedback_model.inference.generator import Generator, Output
from feedback_model.inference.infer import (
    BATCH_SIZE,
    STAND_IN_BATCH_SIZE,
    default_max_new_tokens,
    inference_id_of,
    open_generator,
)
from feedback_model.inference.models import ChosenModel
from feedback_model.prompts import prompt_version
from feedback_model.records.evaluation import Decoding
from feedback_model.scoring.answer import Chunk, answer
from feedback_model.scoring.rows import Row, WayOfAsking


@dataclass
class AnsweringModel:
    """A model as it is asked for one result."""

    home: Path
    chosen: ChosenModel
    decoding: Decoding
    max_new_tokens: int
    """After which an answer is cut; 0: the longest label and a margin."""
    batch_size: int
    """Texts asked about together; 0: by base model."""
    tell: Callable[[str], None] = lambda _: None
    """Hears that a model is being loaded, which may take a while."""
    _generator: Generator | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        version = self.chosen.version
        self.max_new_tokens = self.max_new_tokens or default_max_new_tokens(version)
        self.batch_size = self.batch_size or (STAND_IN_BATCH_SIZE if version.base.stand_in else BATCH_SIZE)

    @property
    def way_of_asking(self) -> WayOfAsking:
        """Name the model and how it is asked, as rows do."""
        version = self.chosen.version
        inference_id = inference_id_of(version, self.decoding, prompt_version("feedback"), self.max_new_tokens)
        is_champion, stand_in = self.chosen.is_champion, version.base.stand_in
        return WayOfAsking(version.name, version.model_id, is_champion, stand_in, self.decoding, inference_id)

    def ask(self, texts: Sequence[str]) -> list[Output]:
        """Return what the model says of `texts`, a batch at most, in their order.

        Raises:
            ModelError: the model cannot be loaded or run.
            Interrupted: a stop was requested.
        """
        generator = self._opened()
        order = _longest_first(generator.lengths(texts))
        found = dict(zip(order, generator.generate([texts[at] for at in order]), strict=True))
        return [found[at] for at in range(len(texts))]

    def answer(self, chunk: Chunk) -> list[Row]:
        """Return the rows of a chunk, in order.

        Raises:
            ModelError: the model cannot be loaded or run.
            Interrupted: a stop was requested.
        """
        return answer(chunk, self.way_of_asking, self.ask)

    def _opened(self) -> Generator:
        if self._generator is None:
            version = self.chosen.version
            if not version.base.stand_in:
                self.tell(f"loading {version.name} of {version.base.name} ...")
            self._generator, _ = open_generator(self.home, version, self.decoding, self.max_new_tokens)
        return self._generator


Engine = Callable[[AnsweringModel, Iterable[Chunk]], Iterator[list[Row]]]
"""Where a model answers chunks; yields the rows of each, in their order."""


def answer_here(model: AnsweringModel, chunks: Iterable[Chunk]) -> Iterator[list[Row]]:
    """Answer in this process, chunk after chunk."""
    return map(model.answer, chunks)


def _longest_first(lengths: Sequence[int]) -> list[int]:
    return sorted(range(len(lengths)), key=lambda at: -lengths[at])
