"""`python -m deployments.cli`: the `feedback` command from a checkout."""

from deployments.cli.app import main

if __name__ == "__main__":
    main()
