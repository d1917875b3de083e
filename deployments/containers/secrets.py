"""Secrets of a container, which lie in files and are named in its environment: `{secret:NAME}` stands for the file's content.

Whoever looks at a container from outside, or at what it was made from, reads the names alone.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from feedback_model.errors import ConfigurationError

FOLDER: Final = Path("/run/secrets")
_REFERENCE: Final = re.compile(r"\{secret:([a-z_]+)\}")


def with_secrets(environment: Mapping[str, str], folder: Path = FOLDER) -> dict[str, str]:
    """Return `environment` with each secret in the place of its name; a variable that is left empty is left out.

    Raises:
        ConfigurationError: a secret that is named cannot be read.
    """
    filled = {name: _filled(value, folder) for name, value in environment.items()}
    return {name: value for name, value in filled.items() if value or not environment[name]}


def _filled(value: str, folder: Path) -> str:
    is_url = "://" in value

    def content(found: re.Match[str]) -> str:
        secret = _read(folder / found[1])
        return quote(secret, safe="") if is_url else secret

    return _REFERENCE.sub(content, value)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the secret {file} cannot be read ({error}); docker/make-secrets makes those of compose.yaml"
        ) from error
