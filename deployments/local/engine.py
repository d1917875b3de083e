"""Execute the flow run that the environment names, in a session of its own: `python -m deployments.local.engine`.

The leader of a session is told from what it started, which may outlive it.
"""

import os
import runpy

from deployments.local.run_log import tell_the_story

if __name__ == "__main__":
    os.setsid()
    tell_the_story()
    runpy.run_module("prefect.engine", run_name="__main__")
