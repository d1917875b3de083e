"""Entry points: the command line, the local Prefect server and workers, and the deployments people start from the UI."""
