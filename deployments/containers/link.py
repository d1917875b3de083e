"""`feedback-container link`: print the link by which a person comes into the UI of the container `server`."""

import os
import sys

from deployments.local.server import PrefectServer, entry_link, person_token
from feedback_model.errors import FeedbackError
from feedback_model.serving.token_file import renew_token
from feedback_model.settings import Settings


def main() -> int:
    """Print it; with `--new`, of a new token: the old one lets nobody in any more."""
    settings = Settings()
    published = os.environ.get("FEEDBACK_SERVER_URL") or "http://127.0.0.1:4200"
    try:
        if "--new" in sys.argv[1:]:
            renew_token(person_token(settings))
        sys.stdout.write(f"{entry_link(settings, PrefectServer(f'{published}/api'))}\n")
    except FeedbackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
