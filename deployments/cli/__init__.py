"""One module a command, or a few that belong together; each function is what Typer calls."""
