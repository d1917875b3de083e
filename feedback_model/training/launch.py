"""Training processes, started by torchrun and followed: this process keeps what they make, and ends them.

Each connects to a socket in a folder that only this user can enter, and is told what to train. The first of them tells of steps,
states and epochs, and writes a state or an adapter where it is asked to; database, checkpoints and curves stay with this process.
torchrun ends the others where one dies. It meets by a file: its usual port would be open to other users of the machine.
"""

import json
import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, cast

from feedback_model import errors
from feedback_model.errors import FeedbackError, ModelError
from feedback_model.progress import Progress, check_stop, relay
from feedback_model.records.training import TrainingStep
from feedback_model.training.orders import Order, to_message

if TYPE_CHECKING:
    from feedback_model.training.loop import Keeper
    from feedback_model.training.state import Position

LOOK_SECONDS: Final = 0.2
"""Between looks for a stop, and at whether the processes live."""
LAST_WORDS_SECONDS: Final = 3.0
"""How long after the end of one the others may say why: who lost its neighbour speaks first, and knows least."""
END_SECONDS: Final = 60.0
"""Until processes that have nothing more to do are ended."""
Told = dict[str, Any]


class Ranks:
    """The processes of a training, as the one that keeps what they make sees them."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._first, self._all = connections[0], list(connections)
        self._asked_to_stop = False
        ready = self._next()
        self.n_steps: int = ready["n_steps"]
        self.longest_answer: int = ready["longest_answer"]
        self.token_budget: int = ready["token_budget"]

    def follow(self, keeper: "Keeper") -> None:
        """Keep what they make, until they have trained to the end.

        Raises:
            Interrupted: a stop was requested; what is done was saved.
            ModelError: loss or gradient is no longer a number, an example does not fit into memory, or a process died.
        """
        from feedback_model.training.state import Position

        while (told := self._next())["what"] != "done":
            match told["what"]:
                case "step":
                    keeper.step_done(TrainingStep(**told["step"]))
                case "save":
                    keeper.save(Position(**told["position"]))
                    _send(self._first, what="go on")
                case "epoch":
                    keeper.epoch_done(told["epoch"], told["train_loss"])
                    _send(self._first, what="go on")
                case _:
                    raise AssertionError(told)

    def save_state(self, file: Path, position: "Position", begun: str) -> None:  # noqa: ARG002 - it knows where it stands
        """Have the state written to `file`, while they wait for their step to be kept."""
        _send(self._first, what="state", file=str(file), begun=begun)
        self._next()

    def save_adapter(self, folder: Path) -> str:
        """Have the adapter written into `folder`, while they wait for their epoch to be kept; returns its hash."""
        _send(self._first, what="adapter", folder=str(folder))
        return str(self._next()["sha"])

    def _next(self) -> Told:
        """Return what the first process says next, and see to all that the others say meanwhile."""
        while True:
            self._pass_stop_on()
            for connection in cast("list[Connection]", wait(self._all, LOOK_SECONDS)):
                told = _received(connection)
                match told["what"]:
                    case "progress":
                        relay(Progress(**told["progress"]))
                    case "log":
                        logging.getLogger(told["name"]).log(told["level"], "%s", told["text"])
                    case "failed" | "gone":
                        self._fail(told, [each for each in self._all if each is not connection])
                    case "left":
                        self._all.remove(connection)
                    case _:
                        return told

    def _pass_stop_on(self) -> None:
        if not self._asked_to_stop:
            try:
                check_stop()
            except FeedbackError:
                self._asked_to_stop = True
                _send(self._first, what="stop")

    def _fail(self, told: Told, others: list[Connection]) -> None:
        """Raise what ended them, by the best of what they say."""
        size, heard, until = len(self._all), [told], time.monotonic() + LAST_WORDS_SECONDS
        while others and not _is_ours(heard[-1]) and (left := until - time.monotonic()) > 0:
            for each in cast("list[Connection]", wait(others, left)):
                heard.append(_received(each))
                if heard[-1]["what"] in {"failed", "gone"}:
                    others.remove(each)
        for each in filter(_is_ours, heard):
            raise getattr(errors, each["kind"])(each["text"])
        reason = next((each["text"] for each in heard if each["what"] == "failed"), "it was ended from outside")
        raise ModelError(f"one of the {size} training processes ended: {reason}")


def _is_ours(told: Told) -> bool:
    """Tell whether a process has said why, in a sentence of ours."""
    return told["what"] == "failed" and told["kind"] in vars(errors)


def _send(connection: Connection, **told: Any) -> None:
    with suppress(OSError):  # of who has died another message tells
        connection.send_bytes(json.dumps(told).encode())


def _received(connection: Any) -> Told:
    try:
        return json.loads(connection.recv_bytes())
    except (EOFError, OSError):
        return {"what": "gone"}


@contextmanager
def launched(size: int, order: Order, state: bytes) -> Generator[Ranks]:
    """Start `size` processes that train what `order` says, and end them with the block.

    Args:
        state: of the training that is resumed; empty where it begins.

    Raises:
        ModelError: the base cannot be loaded, or a process died.
        ConfigurationError: not even one example fits into memory.
    """
    with TemporaryDirectory(prefix="feedback-ranks-") as folder, ExitStack() as opened:
        listener = opened.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(f"{folder}/socket")
        listener.listen(size)
        listener.settimeout(LOOK_SECONDS)
        output = Path(folder, "output")
        process = opened.enter_context(_ended(_start(size, Path(folder), opened.enter_context(output.open("wb")))))
        connections = dict(_accepted(listener, process, output, size))
        for connection in connections.values():
            opened.enter_context(connection)
            connection.send_bytes(to_message(order))
            connection.send_bytes(state)
        yield Ranks([connections[rank] for rank in range(size)])
        for connection in connections.values():
            connection.close()  # by which they know that all is kept
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)


def _start(size: int, folder: Path, output: Any) -> "subprocess.Popen[bytes]":
    import torch

    command = [sys.executable, "-m", "feedback_model.process_guard"]
    command += [sys.executable, "-m", "torch.distributed.run", "--nnodes", "1", "--nproc-per-node", str(size)]
    command += ["--rdzv-backend", "c10d", "--rdzv-conf", "store_type=file", "--rdzv-id", "training"]
    command += ["--rdzv-endpoint", f"{folder}/torchrun", "--max-restarts", "0"]
    command += ["--module", "feedback_model.training.rank", str(folder)]
    threads = {"OMP_NUM_THREADS": str(max(1, torch.get_num_threads() // size))}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=os.environ | threads, start_new_session=True
    )


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> Generator["subprocess.Popen[bytes]"]:
    with process:
        try:
            yield process
        finally:
            process.terminate()


def _accepted(
    listener: socket.socket, process: "subprocess.Popen[bytes]", output: Path, size: int
) -> Iterator[tuple[int, Connection]]:
    for _ in range(size):
        while True:
            check_stop()
            if process.poll() is not None:
                raise ModelError(f"the {size} training processes could not be started: {_reason(output)}")
            with suppress(TimeoutError):
                accepted, _ = listener.accept()
                break
        connection = Connection(accepted.detach())
        told = _received(connection)
        if told["what"] == "gone":
            raise ModelError(f"the {size} training processes could not be started: {_reason(output)}")
        yield told["rank"], connection


def _reason(output: Path) -> str:
    """Return the last line of what the processes wrote that names an error."""
    lines = output.read_text("utf-8", "replace").splitlines()
    return next(
        (line.strip() for line in reversed(lines) if re.match(r"[\w.]*(Error|Exception): ", line)), "without a word"
    )
