"""The one door that keeps passwords and keys out of what is shown: errors, logs, terminal, settings.

Two ways find a secret: it stands where secrets stand (a URL's user part and query, `Bearer ...`, `password=...`), or it is one
that this process was given (`remember`). Imports nothing of ours, so that errors themselves can pass through it.
"""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

HIDDEN: Final = "***"
SHORTEST: Final = 6  # characters; a shorter secret is found by its place alone, since it may be part of any word
LONG: Final = 16  # characters; one so long is no part of a word by chance, so it is found within others too

_NAMES: Final = r"[\w.-]*(?:passw(?:or)?d|pwd|secret|token|key|signature|sig|credential|auth)[\w.-]*"
_PLACES: Final = (
    # A user part: all of it towards web servers, where the name may be the token; the password alone towards databases.
    (re.compile(r"(?<=://)(?<=http://|ttps://)[^\s/?#'\"]+@"), f"{HIDDEN}@"),
    (re.compile(r"(?<!http://)(?<!https://)(?<=://)([^\s:/@'\"]*):[^\s'\"]*@"), rf"\1:{HIDDEN}@"),
    (re.compile(rf"([?&]{_NAMES}=)[^\s&#'\"]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (
        re.compile(r"((?:password|passwd|api[_-]?key)(?:\s*=\s*['\"]?|['\"]\s*:\s*['\"]))[^\s'\",;&]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(Bearer|Basic)\s+(?=\S*\d)[\w.~+/-]{6,}=*", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\b(?:sk-|hf_|pnu_)[\w-]{6,}"), HIDDEN),
)
_known: set[str] = set()
_guard = threading.Lock()


def mask(text: str) -> str:
    """Put `***` in the place of every password and key in `text`."""
    for place, hidden in _PLACES:
        text = place.sub(hidden, text)
    for secret in sorted(_known, key=len, reverse=True):
        if len(secret) >= LONG:
            text = text.replace(secret, HIDDEN)
        elif secret in text:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    return text


def secrets_of(url: str) -> set[str]:
    """Collect what is secret in a URL: its password, a user name without one, and values of its query that are named so.

    A password that is also the name of user, host or database is left out: hiding the word would hide what is no secret.
    """
    try:
        parts = urlsplit(url)
        user, password, host = parts.username, parts.password, parts.hostname
    except ValueError:  # no URL: whoever uses it will say so
        return set()
    token = password or (user if parts.scheme.startswith("http") else None)
    named = {value for name, value in parse_qsl(parts.query) if re.fullmatch(_NAMES, name, re.IGNORECASE)}
    public = {user if password else None, host, parts.path.strip("/")}
    return {unquote(secret) for secret in {token, *named} - public if secret}


def path_secrets(url: str) -> set[str]:
    """Collect the parts of a URL's path that hold a digit, as the tokens of a webhook do."""
    return {part for part in re.split(r"[/?#&=]", url.partition("://")[2])[1:] if re.search(r"\d", part)}


def secrets_in(environment: Mapping[str, str]) -> set[str]:
    """Collect the values of environment variables that are named as keys, tokens and passwords are."""
    endings = ("_KEY", "_TOKEN", "PASSWORD", "_SECRET", "_AUTH_STRING")
    return {value for name, value in environment.items() if name.upper().endswith(endings)}


def remember(secrets: Iterable[str]) -> None:
    """Hide these wherever they stand from now on, in logs too."""
    found = {bare for secret in secrets if len(bare := secret.strip()) >= SHORTEST}
    with _guard:
        global _known  # noqa: PLW0603 - one door for the whole process
        # Rebound rather than changed: other threads may be going through it.
        _known = _known | found | {quote(secret, safe="") for secret in found}
    _watch_logs()


def _watch_logs() -> None:
    """Have every log record of this process, and a traceback that ends it, pass the door."""
    if not isinstance(logging.getLogRecordFactory(), _MaskingFactory):
        logging.setLogRecordFactory(_MaskingFactory(logging.getLogRecordFactory()))
        sys.excepthook = _print_masked


class _MaskingFactory:
    """Maker of log records without secrets; most have none and stay as they are."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *arguments: Any, **options: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*arguments, **options)
        if isinstance(record.msg, str):  # else its handlers know what it is
            try:
                said = record.getMessage()
            except (TypeError, ValueError):  # arguments that do not fit are for the handler to complain of
                return record
            if (masked := mask(said)) != said:
                record.msg, record.args = masked, ()
        if record.exc_info and record.exc_info[0] is not None:
            told = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            if (masked := mask(told)) != told:
                record.exc_text = masked  # formatters take it for what they would have made themselves
        return record


def _print_masked(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    sys.stderr.write(mask("".join(traceback.format_exception(kind, error, where))))
