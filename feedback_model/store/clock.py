"""The one way this store writes a time."""

from datetime import UTC, datetime


def now() -> str:
    """Return the present in UTC, ISO 8601 with microseconds: `2026-11-24T03:24:02.123456+00:00`."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
