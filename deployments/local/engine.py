"""Execute the flow run that the environment names, in a session of its own: `python -m deployments.local.engine`.

The leader of a session is told from what it started, which may outlive it.
"""

import os
import runpy

if __name__ == "__main__":
    os.setsid()
    runpy.run_module("prefect.engine", run_name="__main__")
