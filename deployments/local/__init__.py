"""A Prefect server and workers on this machine, and flows run from the command line."""
