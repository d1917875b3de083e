"""Parent-death guard of a command: `python -m feedback_model.process_guard COMMAND...`.

Standard input is a pipe from the parent. When the parent dies, however it dies, the pipe closes and the command's process
group is ended. Standard library alone, so that it costs next to nothing.
"""

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

GRACE_SECONDS = 10.0


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def _end_with_parent(process: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):
        pass
    _end(process)


def _let_interrupts_through() -> None:
    # A parent in a shell's background ignores SIGINT, and Prefect's workers stop on it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def main() -> int:
    """Run the command of the command line and return its exit status."""
    _let_interrupts_through()
    # What was handed to this process, such as a socket that listens, is meant for the command.
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True, close_fds=False)

    def on_terminate(_number: int, _frame: FrameType | None) -> None:
        _end(process)

    signal.signal(signal.SIGTERM, on_terminate)
    threading.Thread(target=_end_with_parent, args=(process,), daemon=True).start()
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
