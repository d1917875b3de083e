"""Score documents with a model: as a stream of rows, or into a file that can be taken up again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from feedback_model.progress import track
from feedback_model.scoring.answer import take_up, with_documents
from feedback_model.scoring.chunks import arriving_chunks, growing_chunks
from feedback_model.scoring.documents import Piece, Refusal
from feedback_model.scoring.format_names import Format
from feedback_model.scoring.model import AnsweringModel, Engine, answer_here
from feedback_model.scoring.result_file import is_published, writing
from feedback_model.scoring.rows import Row, row_id_of
from feedback_model.scoring.tally import Tally


@dataclass
class Scoring:
    """The documents of one command, on their way to a model."""

    found: Iterator[Piece | Refusal]
    model: AnsweringModel
    tally: Tally
    expected: int | None = None
    """Pieces, about; None where that cannot be known before."""
    live: bool = False
    """True where documents may be sent one by one, by somebody who waits for the answer."""
    engine: Engine = answer_here
    """Where the model answers."""

    def stream(self) -> Iterator[Row]:
        """Yield the rows of the result as they come, those that combine pieces included.

        Raises:
            ModelError: the model cannot be loaded or run.
            Interrupted: a stop was requested.
        """
        return with_documents(self._answer())

    def write(self, path: Path, shape: Format, *, again: bool = False) -> bool:
        """Write the result to `path`, going on where an earlier call was interrupted; returns False where it is there already.

        Args:
            again: begin anew, and replace what is there.

        Raises:
            ConfigurationError: the file cannot be written.
            InputError: it is there and shows something else, or another process writes it.
            ModelError: the model cannot be loaded or run.
            Interrupted: a stop was requested; what was answered is kept.
        """
        asked = self.model.way_of_asking
        if not again and is_published(path, shape, (row_id_of(each, asked) for each in self.found)):
            return False
        with writing(path, shape, again=again) as result:
            for row in take_up(self.found, asked, result.answered(asked)):
                self.tally.count(row)
            for row in self._answer():
                result.keep(row)
            result.publish()
        return True

    def _answer(self) -> Iterator[Row]:
        tracker = track(f"score {self.model.chosen.version.name}", self.expected, self.tally.pieces)
        chunks = (arriving_chunks if self.live else growing_chunks)(self.found, self.model.batch_size)
        for rows in self.engine(self.model, chunks):
            yield from map(self.tally.count, rows)
            # A chunk counts as done, and a request to stop is heeded, when whoever takes the rows has all of it.
            tracker.advance(sum(bool(row.pieces) for row in rows))
