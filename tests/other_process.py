"""Another process that holds something a test waits for."""

import subprocess
import sys

HOLD_LEASE = """
from feedback_model.store.connection import connect
from feedback_model.store.locks import hold
with hold(connect(sys.argv[1]), "train:1", "trains the same recipe"):
    keep()
"""
KEEP = "import sys\ndef keep():\n    print(flush=True)\n    sys.stdin.read()\n"


class Other:
    """A process of its own that has run `code` up to `keep()`, and ends when it is released."""

    def __init__(self, code: str, *arguments: str) -> None:
        command = [sys.executable, "-c", KEEP + code, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "\n"

    def release(self) -> None:
        self.process.communicate()
