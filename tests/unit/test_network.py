"""Loopback is reached without a proxy whatever the environment says; the rest as it says."""

import pytest

from feedback_model.errors import ConfigurationError
from feedback_model.network import check_certificates, is_loopback, network_environment, proxy_of

OURS = "localhost,127.0.0.1,::1"


@pytest.mark.parametrize(
    ("found", "lower", "upper"),
    [
        ({}, OURS, OURS),
        ({"NO_PROXY": "corp.example"}, f"corp.example,{OURS}", f"corp.example,{OURS}"),
        ({"no_proxy": "a, localhost", "NO_PROXY": "b"}, "a,localhost,127.0.0.1,::1", f"b,{OURS}"),
        ({"no_proxy": "*"}, "*", "*"),
    ],
)
def test_exceptions_of_the_user_are_kept(found: dict[str, str], lower: str, upper: str) -> None:
    assert network_environment(found) == {"no_proxy": lower, "NO_PROXY": upper}


def test_other_names_of_a_certificate_bundle_count() -> None:
    assert network_environment({"REQUESTS_CA_BUNDLE": "/a.pem"})["SSL_CERT_FILE"] == "/a.pem"
    both = {"REQUESTS_CA_BUNDLE": "/a.pem", "SSL_CERT_FILE": "/b.pem"}
    assert "SSL_CERT_FILE" not in network_environment(both)


def test_missing_certificates_are_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/not/there.pem")
    with pytest.raises(ConfigurationError, match=r"SSL_CERT_FILE names /not/there.pem, which is not there"):
        check_certificates()


@pytest.mark.parametrize(
    "url", ["http://localhost:1/v1", "http://127.0.0.1/api", "https://[::1]:2/", "http://127.9.9.9/"]
)
def test_loopback_has_no_proxy(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    assert is_loopback(url)
    assert proxy_of(url) is None
    assert proxy_of("https://api.openai.com/v1") == "http://proxy.example:3128"
