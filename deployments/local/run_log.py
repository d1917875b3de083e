"""What the log of a run leaves out, so that it tells the run's story and no more.

That a task ended well is no news. An error of ours is one sentence that says what to do; where in the code it was raised,
`FEEDBACK_TRACEBACK=1` shows.
"""

import logging
import os
from typing import Final

from feedback_model.errors import FeedbackError

RUN_LOGGERS: Final = ("prefect.flow_runs", "prefect.task_runs")
_NO_NEWS: Final = ("Finished in state Completed()",)


def tell_the_story() -> None:
    """Leave it out of the logs of the runs that this process executes."""
    for name in RUN_LOGGERS:
        logging.getLogger(name).addFilter(is_told)


def is_told(record: logging.LogRecord) -> bool:
    """Tell whether a line belongs into the log, and shorten it where it holds more than a person needs."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, FeedbackError) and not os.environ.get("FEEDBACK_TRACEBACK"):
        record.exc_info, record.exc_text = None, None
        record.msg, record.args = "%s", (str(error),)
    return record.getMessage() not in _NO_NEWS
