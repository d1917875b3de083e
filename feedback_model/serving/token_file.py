"""Tokens that let a person or a program in: each in a file of its own, which only its owner can read."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from feedback_model.errors import ConfigurationError

_SHORTEST: Final = 32
"""Characters; 24 random bytes."""


def read_token(file: Path) -> str:
    """Return the token in `file`; the first who asks for it makes it.

    Raises:
        ConfigurationError: others can read it, or own it, or it cannot be read or made.
    """
    try:
        if not file.exists():
            _make_token(file)
        with file.open(encoding="ascii") as opened:
            _check_private(file, os.fstat(opened.fileno()))
            token = opened.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the token in {file} cannot be read or made ({error}); make its folder yours"
        ) from error
    if len(token) < _SHORTEST:
        raise ConfigurationError(f"the token in {file} is too short; delete it to have a new one made")
    return token


def _check_private(file: Path, found: os.stat_result) -> None:
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigurationError(
            f"others can read the token in {file}; run `chmod 600 {file}`, or delete it to have a new one made"
        )
    if found.st_uid != os.geteuid():
        raise ConfigurationError(f"the token in {file} is another user's; delete it to have a new one made")


def renew_token(file: Path) -> None:
    """Put a new token in the place of the one in `file`.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(file, new_secret() + "\n")
    except OSError as error:
        raise ConfigurationError(f"the token in {file} cannot be made ({error}); make its folder yours") from error


def new_secret() -> str:
    """Return a secret that nobody can guess."""
    return secrets.token_urlsafe(32)


def write_private(file: Path, content: str) -> None:
    """Put a file that only its owner can read in the place of another, if there is one: whole, or not at all."""
    draft = _draft(file, content)
    draft.replace(file)


def _make_token(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _draft(file, new_secret() + "\n")
    try:
        os.link(draft, file)  # complete, or not there; of two that start at once one comes first
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _draft(file: Path, content: str) -> Path:
    draft = file.with_name(f".{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(content)
    return draft
