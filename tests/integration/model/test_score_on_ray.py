"""`feedback score --engine ray`: the rows of one process, whatever is lost on the way, and one sentence where it cannot be."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from deployments.cli.score import score
from feedback_model.errors import ConfigurationError, InputError
from feedback_model.inference.infer import model_versions
from feedback_model.store.training import record_models
from tests.builders import a_speech
from tests.local_service import clean_environment, eventually

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: make ray")
MANY = 1_000


@pytest.fixture(autouse=True)
def model_id(store, settings, micro_base, tmp_path, monkeypatch) -> str:
    """A model that the store knows, in the home of commands that work in this test's folder."""
    monkeypatch.setenv("FEEDBACK_HOME", str(settings.home))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.chdir(tmp_path)
    base, _ = model_versions(micro_base, None)
    record_models(store, [base])
    return base.model_id


@pytest.fixture
def begin(settings, model_id):
    """Start to score `talks.jsonl` directly, in a process of its own."""

    @contextmanager
    def begin(engine: str, out: str, **environment: str) -> Generator[subprocess.Popen]:
        command = [sys.executable, "-m", "deployments.cli", "score", "talks.jsonl", "--model", model_id]
        command += ["--decoding", "direct", "--engine", engine, "--out", out]
        paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
        given = clean_environment(settings.home) | paths | environment
        with subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            yield process

    return begin


@pytest.fixture
def run(begin):
    """Score to the end; returns the exit status and what was said."""

    def run(engine: str, out: str, **environment: str) -> tuple[int, str]:
        with begin(engine, out, **environment) as process:
            said = process.communicate()[1]
        return process.returncode, said

    return run


def write_talks(count: int) -> None:
    lines = [json.dumps({"text": a_speech(number, 20), "id": f"t{number}"}) for number in range(count)]
    Path("talks.jsonl").write_text("\n".join(lines))


def write_odd_talks() -> None:
    """Texts that are refused, short, in another language, and long enough to be cut."""
    texts = ["Hello", a_speech(1), " ".join(a_speech(number) for number in range(40)), "Nous parlons ce soir. " * 8]
    lines = [json.dumps({"text": text, "id": f"o{number}"}) for number, text in enumerate(texts * 10)]
    Path("talks.jsonl").write_text("\n".join(lines))


def kept(out: str) -> int:
    partial = Path(f"{out}.partial")
    return partial.read_bytes().count(b"\n") if partial.exists() else 0


def wait_for_rows(process: subprocess.Popen) -> None:
    eventually(lambda: kept("many.jsonl") > 100 or process.poll() is not None)
    assert process.poll() is None, process.communicate()


def processes_of_ray(process: subprocess.Popen) -> list[psutil.Process]:
    """Those that answer."""
    found = psutil.Process(process.pid).children(recursive=True)
    return [each for each in found if any("_answer_there" in word for word in each.cmdline())]


@needs_ray
def test_rows_are_those_of_one_process(run):
    write_odd_talks()
    assert run("process", "one.csv")[0] == 0
    status, said = run("ray", "many.csv")
    assert status == 0, said
    assert "Ray on this machine answers, in a process for each CPU" in said
    assert Path("many.csv").read_bytes() == Path("one.csv").read_bytes()


@needs_ray
def test_engines_take_up_each_others_answers(run):
    """What one process had answered when it was interrupted is asked of no cluster."""
    write_odd_talks()
    run("process", "one.jsonl")
    rows = Path("one.jsonl").read_text().splitlines(keepends=True)
    pieces = [row for row in rows if json.loads(row)["row_id"]]
    Path("many.jsonl.partial").write_text("".join(pieces[:33]))
    assert run("ray", "many.jsonl")[0] == 0
    assert Path("many.jsonl").read_text() == "".join(rows)


@needs_ray
def test_a_killed_process_costs_no_row(begin, run):
    write_talks(MANY)
    with begin("ray", "many.jsonl") as process:
        wait_for_rows(process)
        processes_of_ray(process)[0].kill()
        printed, _ = process.communicate()
    assert (process.returncode, printed) == (0, "")  # Ray would tell of it among the rows
    run("process", "one.jsonl")
    assert Path("many.jsonl").read_bytes() == Path("one.jsonl").read_bytes()


@needs_ray
def test_an_interrupted_cluster_leaves_whole_rows(begin, run):
    """A request to stop keeps whole rows, ends what was started, and another engine goes on behind them."""
    write_talks(MANY)
    with begin("ray", "many.jsonl") as process:
        wait_for_rows(process)
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        said = process.communicate()[1]
    assert process.returncode == 130, said
    assert 100 < kept("many.jsonl") < MANY
    eventually(lambda: not any(each.is_running() for each in started))
    assert run("process", "many.jsonl")[0] == 0
    ids = [json.loads(line)["id"] for line in Path("many.jsonl").read_text().splitlines()]
    assert ids == [f"t{number}" for number in range(MANY)]


@needs_ray
def test_an_error_in_the_cluster_is_one_sentence(run, micro_base):
    write_talks(3)
    weights = next(Path(micro_base.location).glob("*.safetensors"))
    weights.rename(weights.with_suffix(".away"))
    try:
        status, said = run("ray", "many.jsonl")
    finally:
        weights.with_suffix(".away").rename(weights)
    assert status == 1
    assert "error: " in said.splitlines()[-1]
    assert "Traceback" not in said


@needs_ray
def test_a_cluster_out_of_reach_is_told(run):
    write_talks(3)
    status, said = run("ray", "many.jsonl", RAY_ADDRESS="127.0.0.1:1")
    assert status == 1
    assert "the Ray cluster at 127.0.0.1:1 (RAY_ADDRESS) cannot be reached" in said


def test_missing_ray_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    write_talks(3)
    with pytest.raises(ConfigurationError, match="--engine ray needs Ray, which is not installed: run `make ray`"):
        score(["talks.jsonl"], engine="ray")


def test_streams_are_refused_by_ray():
    with pytest.raises(InputError, match="put them into a file, or leave --engine out"):
        score(["-"], engine="ray")
