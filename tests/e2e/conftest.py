"""The command line as a person runs it: a child process, a home folder of its own, and an endpoint whose bill can be read."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from deployments.local.server import PrefectServer, temporary_server
from feedback_model.demo.speech import write_demo_input
from feedback_model.settings import Settings
from tests.local_service import HANGS, LocalService, clean_environment, feedback_up
from tests.openai_rig.process import serving

CONCURRENCY = 16  # requests in flight: what a kill may cost
COUNT = 100  # transcripts of a run: enough for all three splits, and for a kill in the middle of each stage


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 600_000  # milliseconds after which nothing will come any more


@dataclass
class Endpoint:
    """A labelling endpoint and what it has charged."""

    url: str

    def replies(self) -> Counter[str]:
        """Replies charged, by the hash of what was asked."""
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/bill") as bill:
            return Counter(json.load(bill)["replies"])


@dataclass
class Installation:
    """A home folder, and the `feedback` command working in it."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command in the background."""
        return subprocess.Popen(
            [sys.executable, "-m", "deployments.cli.app", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.home.parent,
            env={**os.environ, "FEEDBACK_HOME": str(self.home), **self.environment},
            start_new_session=True,
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=HANGS)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def count(self, query: str) -> int:
        """The single number a query yields; 0 while the database or its tables are still being made."""
        try:
            with sqlite3.connect(f"file:{self.home / 'feedback.db'}?mode=ro", uri=True) as database:
                return database.execute(query).fetchone()[0]
        except sqlite3.OperationalError:
            return 0

    def kill_when_counted(self, process: "subprocess.Popen[str]", query: str, enough: int) -> None:
        """SIGKILL the command once the database counts `enough`; it must not have ended before."""
        deadline = time.monotonic() + HANGS
        while self.count(query) < enough:
            if process.poll() is not None:
                out, err = process.communicate()
                pytest.fail(f"the command ended with {process.returncode} before it could be killed: {out}{err}")
            if time.monotonic() > deadline:
                pytest.fail(f"{enough} was never reached by: {query}")
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """One Prefect server for the session: a command that starts its own needs seconds for it."""
    settings = Settings(home=tmp_path_factory.mktemp("prefect"))
    with temporary_server(settings) as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """One `feedback up` for a file of tests, with demo models, on a home where 30 transcripts had landed before."""
    folder = tmp_path_factory.mktemp("up")
    home, landed = folder / "home", folder / "landed.jsonl"
    write_demo_input(landed, 30, 5)
    land = [sys.executable, "-m", "deployments.cli.app", "land", str(landed)]
    subprocess.run(land, env=clean_environment(home), check=True, capture_output=True)
    options = ("--labeller", "embedded", "--base-model", "embedded", "--epochs", "1", "--set", "rank=4")
    with feedback_up(home, *options) as running:
        watch = running.deployment("land/watch-inbox")  # every five minutes: tests start what they need, at any time
        running.call("PATCH", f"deployments/{watch['id']}/schedules/{watch['schedules'][0]['id']}", {"active": False})
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium was found: install the package chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1400, "height": 1000})
    opened.set_default_timeout(PATIENCE)
    yield opened
    opened.close()


@pytest.fixture
def installation(tmp_path: Path, prefect: PrefectServer) -> Installation:
    return Installation(tmp_path / "home", prefect.environment())


@pytest.fixture
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """An endpoint that takes 0.05 s for an answer, or as many seconds as the test's parameter says."""
    with serving(delay=getattr(request, "param", 0.05)) as url:
        yield Endpoint(url)


@pytest.fixture
def paid_installation(installation: Installation, endpoint: Endpoint) -> Installation:
    """Labels come over HTTP from an endpoint that outlives the command, as OpenAI does."""
    installation.environment |= {
        "OPENAI_API_KEY": "sk-test",
        "FEEDBACK_OPENAI_BASE_URL": endpoint.url,
        "FEEDBACK_LABEL_MODEL": "embedded-rubric-3",
        "FEEDBACK_LABEL_CONCURRENCY": str(CONCURRENCY),
        "FEEDBACK_RELABEL_SHARE": "0",  # so that a question asked twice is one too many
    }
    return installation


@pytest.fixture
def transcripts(tmp_path: Path) -> Path:
    path = tmp_path / "transcripts.jsonl"
    write_demo_input(path, COUNT, 11)
    return path
