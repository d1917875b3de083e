"""The files of `docker/` promise what the documentation says of them; whether they work, `docker/trial` shows."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from deployments.containers.entry import ROLES
from tests.documented_blocks import ROOT

FOLDER = ROOT / "docker"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PUBLISHED = yaml.safe_load((FOLDER / "compose.override.yaml").read_text("utf-8"))["services"]
HOST = yaml.safe_load((FOLDER / "compose.host.yaml").read_text("utf-8"))["services"]
VALUES = yaml.safe_load((FOLDER / "kubernetes" / "server-values.yaml").read_text("utf-8"))
JOB = yaml.safe_load((FOLDER / "kubernetes" / "gpu-worker.yaml").read_text("utf-8"))
DOCKERFILE = (FOLDER / "Dockerfile").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OURS = {name: service for name, service in SERVICES.items() if "feedback-model" in service["image"]}
ENDS = {"migrate", "bootstrap", "feedback"}


def words(service: dict[str, Any]) -> list[str]:
    command = service.get("command", [])
    return command.split() if isinstance(command, str) else command


def named_secrets(value: Any) -> set[str]:
    return set(re.findall(r"\{secret:(\w+)\}|/run/secrets/(\w+)", str(value)))


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    image = re.sub(r"\$\{\w+:-(.*)\}", r"\1", SERVICES[name]["image"])
    assert re.search(r":(\d+\.\d+|cpu$|cuda$)", image), image


@pytest.mark.parametrize("name", SERVICES)
def test_each_reads_exactly_the_secrets_it_names(name: str) -> None:
    named = {one or other for one, other in named_secrets(SERVICES[name])}
    if name == "grafana":
        named |= {"reporter_password"}  # in its data source
    assert named == set(SERVICES[name]["secrets"]) if "secrets" in SERVICES[name] else named == set()


def test_every_secret_is_a_file_that_is_made() -> None:
    made = (FOLDER / "make-secrets").read_text("utf-8")
    assert {one["file"] for one in COMPOSE["secrets"].values()} == {f"./secrets/{name}" for name in COMPOSE["secrets"]}
    assert [name for name in COMPOSE["secrets"] if name not in made] == []


@pytest.mark.parametrize("name", OURS)
def test_ours_can_do_nothing_to_their_host(name: str) -> None:
    service = OURS[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service  # the image's


@pytest.mark.parametrize("name", SERVICES)
def test_what_ends_by_itself_is_not_restarted(name: str) -> None:
    assert SERVICES[name]["restart"] == ("no" if name in ENDS else "unless-stopped")


@pytest.mark.parametrize("name", SERVICES)
def test_each_waits_for_health_or_completion(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        healthy = "disable" not in SERVICES[other]["healthcheck"]
        wanted = "service_completed_successfully" if other in ENDS else "service_healthy"
        assert how["condition"] == wanted
        assert healthy or other in ENDS


def test_ports_are_published_on_loopback_alone() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == []
    ports = [port for service in PUBLISHED.values() for port in service["ports"]]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_host_file_names_every_service() -> None:
    assert set(HOST) == set(SERVICES)
    assert all(service["network_mode"] == "host" for service in HOST.values())
    assert "0.0.0.0" not in (FOLDER / "compose.host.yaml").read_text("utf-8")


def test_volumes_have_names() -> None:
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert {name for name in mounted if not name.startswith(".")} == set(COMPOSE["volumes"])


def test_server_and_services_share_one_store() -> None:
    assert SERVICES["server"]["environment"] == SERVICES["services"]["environment"]
    told = SERVICES["server"]["environment"]
    assert told["PREFECT_SERVER_API_AUTH_STRING"] == told["PREFECT_API_AUTH_STRING"]
    assert told["PREFECT_SERVER_DOCKET_URL"].startswith("redis://")


def commands() -> Iterator[list[str]]:
    yield from (words(service) for service in OURS.values())
    yield from (VALUES["server"]["args"], VALUES["backgroundServices"]["args"])
    yield from (container["args"] for container in JOB["spec"]["template"]["spec"]["containers"])


def test_every_command_is_a_role() -> None:
    roles = {command[0] for command in commands() if command}
    assert roles <= {*ROLES, "serve"}


def test_image_has_the_tested_torch() -> None:
    wanted = re.search(r"^TORCH \?= (\S+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert wanted is not None
    assert f" {wanted[1]}\n" in DOCKERFILE


def test_image_is_no_root_and_keeps_no_secret() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert not re.search(r"^(ENV|ARG) .*(PASSWORD|KEY|TOKEN|SECRET)", DOCKERFILE, re.MULTILINE)


def test_build_sees_the_packages_and_nothing_more() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    packages = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert kept == packages | {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "NOTICE"}


def test_folder_is_no_package() -> None:
    """One called `docker` would stand before the library of that name, which Prefect imports."""
    assert not (FOLDER / "__init__.py").exists()


def test_chart_has_authentication_on() -> None:
    assert VALUES["server"]["basicAuth"]["enabled"]
    assert VALUES["backgroundServices"]["runAsSeparateDeployment"]
