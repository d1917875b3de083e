"""Prompts, as the database keeps them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PromptRecord:
    """A version of a prompt with its text."""

    prompt_version: str
    name: str
    """`label`, `rewrite` or `feedback`."""
    text: str
    """All that the version was hashed from; placeholders of single requests unfilled."""
