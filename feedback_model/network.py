"""Ways from this process to others: this machine's own services directly, the rest as the environment says.

Proxies (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, upper or lower case) and certificate bundles are the user's. A
proxy never leads back to this machine, though, so whatever listens on loopback is reached without one.
"""

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import Future
from http.client import HTTPException
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from feedback_model.errors import ConfigurationError

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def is_loopback(url: str) -> bool:
    """Tell whether `url` leads to this machine's loopback interface."""
    try:
        host = urlsplit(url).hostname or ""
        return host in LOOPBACK or ip_address(host).is_loopback
    except ValueError:  # a name, or no URL at all
        return False


def network_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what `environment` lacks for libraries, and for processes that are started, to act as this module says."""
    return _without_proxy_on_loopback(environment) | _certificates(environment)


def _without_proxy_on_loopback(environment: Mapping[str, str]) -> dict[str, str]:
    # Libraries differ in which of the two they read; what a user set in one stands in for the other.
    found = {
        name: environment.get(name, environment.get(other, ""))
        for name, other in (("no_proxy", "NO_PROXY"), ("NO_PROXY", "no_proxy"))
    }
    return {name: _extended(listed) for name, listed in found.items()}


def _extended(listed: str) -> str:
    names = [name.strip() for name in listed.split(",") if name.strip()]
    return listed if "*" in names else ",".join(dict.fromkeys([*names, *LOOPBACK]))


def _certificates(environment: Mapping[str, str]) -> dict[str, str]:
    # httpx, through which OpenAI, the hub and Prefect are reached, reads the first two and neither of the others.
    file, folder, *others = (environment.get(name, "") for name in CERTIFICATES)
    bundle = next(filter(None, others), "")
    if file or folder or not bundle:
        return {}
    return {"SSL_CERT_DIR" if Path(bundle).is_dir() else "SSL_CERT_FILE": bundle}


def check_certificates() -> None:
    """Check that the certificates that the environment names are there; libraries die of a missing file without its name.

    Raises:
        ConfigurationError: they are not.
    """
    for name in CERTIFICATES:
        if (path := os.environ.get(name)) and not Path(path).exists():
            raise ConfigurationError(f"{name} names {path}, which is not there; correct it, or unset it")


def proxy_of(url: str) -> str | None:
    """Return the proxy through which `url` is reached; None where that is none."""
    parts, proxies = urlsplit(url), urllib.request.getproxies()
    if is_loopback(url) or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxies.get(parts.scheme) or proxies.get("all")


def open_url(url: str, timeout: float, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
    """Open `url` as `urllib.request.urlopen` does, without a proxy where it leads to this machine.

    Args:
        timeout: seconds.
        body: posted; None asks with GET.

    Raises:
        OSError: nothing answered, or with an error status.
        ValueError: it is no URL.
    """
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))  # noqa: S310 - http(s) by configuration
    direct = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
    return urllib.request.build_opener(*direct).open(request, timeout=timeout)


class Answer(NamedTuple):
    """What a server said, an error or not."""

    status: int
    media_type: str
    body: bytes


def read_url(url: str, seconds: float, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Return all that is answered at `url` within `seconds`, in whatever drops it comes.

    Args:
        body: posted; None asks with GET.

    Raises:
        OSError: nothing answered, or not all of it in time (TimeoutError).
        ValueError: it is no URL, or what answers does not speak HTTP.
    """
    answered = Future[Answer]()
    # A socket's own time-out begins anew with every byte, so a thread asks, and is left alone when the time is over.
    threading.Thread(target=_ask, args=(answered, url, seconds, body, headers), name="ask", daemon=True).start()
    try:
        return answered.result(seconds)
    except TimeoutError as error:
        raise TimeoutError(f"it did not answer within {seconds:g} s") from error


def _ask(
    answered: Future[Answer], url: str, seconds: float, body: bytes | None, headers: Mapping[str, str] | None
) -> None:
    try:
        with _open_any(url, seconds, body, headers) as reply:
            answered.set_result(Answer(reply.status, reply.headers.get_content_type(), reply.read()))
    except HTTPException as error:  # some of which are OSErrors too, as where it hangs up
        is_away = isinstance(error, OSError)
        answered.set_exception(error if is_away else ValueError(f"what answers does not speak HTTP: {error!r}"))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where it was asked for
        answered.set_exception(error)


def _open_any(url: str, seconds: float, body: bytes | None, headers: Mapping[str, str] | None) -> Any:
    try:
        return open_url(url, seconds, body, headers)
    except urllib.error.HTTPError as refusal:
        return refusal
