"""One of the processes that torchrun starts for a training: `python -m feedback_model.training.rank FOLDER`.

It is told what to train by whoever listens at the socket in FOLDER, and ends when that one does.
"""
# pyright: basic

import json
import logging
import os
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, replace
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from torch import distributed

from feedback_model.progress import Progress, reporting_to, request_stop
from feedback_model.records.training import TrainingStep
from feedback_model.training.memory import free_memory, resident_memory
from feedback_model.training.orders import from_message
from feedback_model.training.prepare import HereTrained, KeepsNothing
from feedback_model.training.processes import join_group
from feedback_model.training.state import Position, unpack_state


class _Line:
    """The connection to who keeps what is made."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tell(self, what: str, **told: Any) -> None:
        """Say something that wants no answer."""
        self._connection.send_bytes(json.dumps({"what": what, **told}).encode())

    def hear(self) -> dict[str, Any]:
        """Wait for what is said."""
        return json.loads(self._connection.recv_bytes())

    def is_spoken_to(self) -> bool:
        """Tell whether something was said."""
        return self._connection.poll()


class _Distant:
    """Keeper of the first process: everything is kept by another one, which says when to go on."""

    def __init__(self, line: _Line, trained: HereTrained) -> None:
        self._line, self._trained = line, trained

    def step_done(self, step: TrainingStep) -> None:
        self._line.tell("step", step=asdict(step))
        while self._line.is_spoken_to():
            self._obey(self._line.hear(), Position())

    def save(self, position: Position) -> None:
        self._line.tell("save", position=asdict(position))
        self._serve(position)

    def epoch_done(self, epoch: int, train_loss: float | None) -> None:
        self._line.tell("epoch", epoch=epoch, train_loss=train_loss)
        self._serve(Position())

    def _serve(self, position: Position) -> None:
        while (told := self._line.hear())["what"] != "go on":
            self._obey(told, position)

    def _obey(self, told: dict[str, Any], position: Position) -> None:
        match told["what"]:
            case "stop":
                request_stop()  # the next look at it saves, and ends this process
            case "state":
                self._trained.save_state(Path(told["file"]), position, told["begun"])
                self._line.tell("saved")
            case "adapter":
                self._line.tell("saved", sha=self._trained.save_adapter(Path(told["folder"])))


class _Sending(logging.Handler):
    """What is logged here is logged there."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        self._line.tell("log", name=record.name, level=record.levelno, text=record.getMessage())


def _train(connection: Connection, folder: Path, rank: int, size: int) -> None:
    line = _Line(connection)
    line.tell("joined", rank=rank)
    order, packed = from_message(connection.recv_bytes()), connection.recv_bytes()
    state = unpack_state(packed) if packed else None
    join_group(rank, size, folder / "meeting")
    trained = HereTrained(replace(order, memory=_memory(order.memory, order.run.device, size)), state)
    if rank == 0:
        found = {name: getattr(trained, name) for name in ("n_steps", "longest_answer", "token_budget")}
        line.tell("ready", **found)
        trained.follow(_Distant(line, trained))
    else:
        threading.Thread(target=_end_when_left, args=(connection,), daemon=True).start()
        trained.follow(KeepsNothing())


def _memory(wanted: int, device: str, size: int) -> int:
    """Return what this process may hold: its share of the machine's, where that is not said."""
    return wanted or (0 if device == "cuda" else resident_memory() + free_memory(device) // size)


def _end_when_left(connection: Connection) -> None:
    with suppress(EOFError, OSError):
        connection.recv_bytes()
    os._exit(1)  # it may be waiting for a process that is gone


def main(folder: Path) -> int:
    """Take part in a training; returns the exit status."""
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    connection: Any = Client(f"{folder}/socket", "AF_UNIX")
    line = _Line(connection)
    if rank == 0:
        logging.getLogger("feedback_model").addHandler(_Sending(line))
        logging.getLogger("feedback_model").setLevel(logging.INFO)

    def listen(seen: Progress) -> None:
        if rank == 0:
            line.tell("progress", progress=asdict(seen))

    try:
        with reporting_to(listen):
            _train(connection, folder, rank, size)
    except Exception as error:  # noqa: BLE001 - whatever it is, whoever follows this training raises it
        with suppress(OSError):
            line.tell("failed", kind=type(error).__name__, text=str(error))
        return 1
    line.tell("done" if rank == 0 else "left")
    distributed.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
