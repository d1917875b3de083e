"""A running service, killed at every stage: `python -m tests.chaos` (`make chaos`)."""
