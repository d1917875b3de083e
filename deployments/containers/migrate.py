"""`feedback-container migrate`: bring both databases to this version, before anything else opens them."""

import os
import subprocess
import sys

from feedback_model.errors import FeedbackError
from feedback_model.settings import Settings


def main() -> int:
    """Migrate our database, then Prefect's; a role that asks the views is given where its password is known."""
    try:
        _migrate_ours(Settings())
    except FeedbackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return subprocess.run(
        [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"], check=False
    ).returncode


def _migrate_ours(settings: Settings) -> None:
    from feedback_model.store.connection import open_store
    from feedback_model.store.grants import grant_reporter, set_password

    store = open_store(settings.store_url)
    try:
        if store.dialect == "postgresql" and (password := os.environ.get("REPORTER_PASSWORD")):
            grant_reporter(store, "reporter")
            set_password(store, "reporter", password)
    finally:
        store.close()
    sys.stdout.write("the results database has the newest schema\n")


if __name__ == "__main__":
    sys.exit(main())
