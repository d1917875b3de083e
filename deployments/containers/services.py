"""`feedback-container services`: Prefect's background services without its web server, at our server's pace and with its log."""

import runpy
import sys

from deployments.local.prefect_server import adapt


def main() -> None:
    """Run them until a signal."""
    adapt()
    sys.argv[1:] = ["server", "services", "start"]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
