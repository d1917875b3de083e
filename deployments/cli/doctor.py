"""`feedback doctor`: what is installed, reachable and configured, and how to mend what is not."""

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from deployments.cli.options import Json, load_settings
from deployments.terminal import out, print_json, print_table
from feedback_model.errors import ConfigurationError, FeedbackError

if TYPE_CHECKING:
    from feedback_model.settings import Settings

PACKAGES = (
    "prefect",
    "torch",
    "transformers",
    "peft",
    "bitsandbytes",
    "datasets",
    "openai",
    "sqlalchemy",
    "polars",
    "wandb",
)
LACKS = {
    "Darwin": (
        "macOS is not supported and not tested. It has no /proc, so after a crash what the dead process had claimed stays "
        "claimed for minutes; no CUDA, and Apple's GPU is not used, so training runs on the CPU; and on Intel "
        "Macs there is no torch or bitsandbytes of the versions needed"
    ),
    "Windows": (
        "Windows is not supported. It has no fcntl, which keeps a home folder to one `feedback up`; no process groups and "
        "no POSIX signals, which end child processes and stop a run without loss; and no /proc, which tells a dead "
        "process from a living one"
    ),
}
MARKS = {"ok": "[green]ok[/]  ", "note": "[yellow]note[/]", "wrong": "[red]fix[/] "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    state: Literal["ok", "note", "wrong"]
    """`note`: works, but something is switched off or missing that some commands want."""
    found: str
    fix: str = ""


def doctor(
    list_settings: Annotated[
        bool, typer.Option("--settings", help="List every setting with its value, default and meaning instead.")
    ] = False,
    json: Json = False,
) -> None:
    """Say what is installed, reachable and configured, and what is missing, with the fix."""
    settings = load_settings()
    if list_settings:
        show_settings(settings, json=json)
        return
    checks: tuple[Callable[[Settings], Finding], ...] = (
        _system,
        _python,
        _packages,
        _home,
        _database,
        _labeller,
        _device,
        _server,
        _tracking,
    )
    findings = [check(settings) for check in checks]
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            out.print(f"{MARKS[finding.state]} {finding.what}: {finding.found}", highlight=False, soft_wrap=True)
            if finding.fix:
                out.print(f"       {finding.fix}", highlight=False, soft_wrap=True)
    wrong = [finding.what for finding in findings if finding.state == "wrong"]
    if wrong:
        raise ConfigurationError(f"to be mended: {', '.join(wrong)}; the fixes are above")


def _system(_settings: "Settings") -> Finding:
    return describe_system(platform.system(), f"{platform.system()} {platform.release()}, {platform.machine()}")


def describe_system(system: str, found: str) -> Finding:
    """Say whether the operating system is supported, and what it lacks where it is not.

    Args:
        system: as `platform.system()` names it.
        found: system, release and processor, for a person.
    """
    if system == "Linux":
        return Finding("system", "ok", found)
    lacks = LACKS.get(system, "only Linux is supported and tested")
    fix = "use Linux: a machine, a virtual machine, or WSL 2 on Windows"
    return Finding("system", "note" if system == "Darwin" else "wrong", f"{found}: {lacks}", fix)


def show_settings(settings: "Settings", *, json: bool) -> None:
    """Print every setting; keys and passwords are not shown."""
    from feedback_model.settings import describe_settings

    listed = [asdict(setting) for setting in describe_settings(settings)]
    if json:
        print_json(listed)
    else:
        print_table("", list(listed[0]), [list(setting.values()) for setting in listed])


def _python(_settings: "Settings") -> Finding:
    good = (3, 11) <= sys.version_info[:2] < (3, 13)
    return Finding("Python", "ok" if good else "wrong", platform.python_version(), "" if good else "use 3.11 or 3.12")


def _packages(_settings: "Settings") -> Finding:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", "wrong", f"missing: {', '.join(missing)}", "run `make install`")
    return Finding("packages", "ok", ", ".join(found))


def _home(settings: "Settings") -> Finding:
    free = shutil.disk_usage(settings.home).free / 2**30
    fixes: list[str] = []
    if free <= 2:
        fixes.append("make room: snapshots, checkpoints and logs want 2 GiB")
    if settings.home.stat().st_mode & 0o044:
        fixes.append(f"others can read what people said there: chmod 700 {settings.home}")
    return Finding("home folder", "note" if fixes else "ok", f"{settings.home}, {free:.0f} GiB free", "; ".join(fixes))


def _database(settings: "Settings") -> Finding:
    from feedback_model.store.connection import open_store

    try:
        store = open_store(settings.store_url)
    except FeedbackError as error:
        return Finding("database", "wrong", str(error), "correct FEEDBACK_DATABASE_URL or start the server it names")
    return Finding("database", "ok", f"{store.dialect}, schema up to date")


def _labeller(settings: "Settings") -> Finding:
    if settings.openai_api_key is None:
        return Finding("labeller", "note", "no key", "set OPENAI_API_KEY, or label with --labeller embedded")
    return Finding("labeller", "ok", f"{settings.label_model} at {settings.openai_base_url}")


def _device(_settings: "Settings") -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("device", "wrong", "torch is not installed", "run `make install`")
    from feedback_model.training.loading import describe_device

    device = describe_device()
    if device == "cpu":
        return Finding("device", "note", "no CUDA device: training falls back to float32 on the CPU, and says so")
    return Finding("device", "ok", device)


def _server(settings: "Settings") -> Finding:
    from deployments.local.server import is_healthy, running_server

    server = running_server(settings)
    if server is None:
        return Finding(
            "Prefect server", "note", "none running; commands start their own", "`feedback up` starts one with a UI"
        )
    url = server.api_url
    if not is_healthy(url):
        return Finding("Prefect server", "wrong", f"{url} does not answer", "start it, or unset PREFECT_API_URL")
    return Finding("Prefect server", "ok", url)


def _tracking(_settings: "Settings") -> Finding:
    if os.environ.get("WANDB_API_KEY"):
        return Finding("Weights & Biases", "ok", "a key is set; runs are uploaded")
    return Finding("Weights & Biases", "note", "no key: runs are kept offline under the home folder")
