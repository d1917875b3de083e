"""`feedback serve` under requests that come at a fixed rate, beside plain `generate` behind FastAPI: latency, refusals, losses.

`python benchmarks/serving.py [--home HOME --model MODEL] [--threads 2] [--quick]`; two cores, ten minutes, SmolLM2-135M. Not
collected by pytest. Without HOME the base as published answers, whose scores are of no use and take as long as any.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from open_loop import Load, poisson_times, send_all
from own_process import environment_with
from results_page import processor_name, processor_seconds, table, write_results

from feedback_model.demo.real_speech import read_real_speech
from feedback_model.inference.infer import default_max_new_tokens
from feedback_model.inference.models import choose_model
from feedback_model.prompts import render_messages
from feedback_model.records.training import ModelVersion
from feedback_model.store.connection import open_store
from feedback_model.store.training import record_models
from feedback_model.training.base_model import resolve_base
from feedback_model.training.checkpoints import verified_folder
from tests.serving_rig import serving

PEER = Path(__file__).parent / "peers" / "fastapi_generate.py"
SEED = 13
PEER_LONGEST = 60.0  # seconds that a request to the peer may take, as to ours


@dataclass(frozen=True)
class Side:
    """A server to be asked."""

    url: str
    headers: dict[str, str]
    body: Callable[[str], Any]
    pid: int


def cpu_seconds(pid: int) -> float:
    return sum(psutil.Process(pid).cpu_times()[:2])


@contextmanager
def ours(home: Path, model_id: str, decoding: str, threads: int) -> Generator[Side]:
    with serving(home, "--model", model_id, OMP_NUM_THREADS=str(threads)) as served:
        key = {"Authorization": f"Bearer {served.token}"}
        url = f"http://{served.address}/v1/feedback"
        yield Side(url, key, lambda text: {"text": text, "decoding": decoding}, served.process.pid)


@contextmanager
def plain_generate(home: Path, model: ModelVersion, threads: int) -> Generator[Side]:
    adapter = str(verified_folder(home, model.checkpoint)) if model.checkpoint else "-"
    location = resolve_base(model.base.name).location
    command = [sys.executable, str(PEER), location, adapter, str(default_max_new_tokens(model))]
    offline = environment_with(threads) | {"HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=offline) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            yield Side(f"{url}/feedback", {}, lambda text: {"messages": render_messages("feedback", text)}, process.pid)
        finally:
            process.kill()


def ask(side: Side, texts: list[str], rate: float, count: int, longest: float = 120.0) -> tuple[Load, float]:
    """Ask `count` times at `rate`, once the server is warm; returns what became of them, and CPU seconds an answer."""
    send_all(side.url, side.headers, [side.body(texts[-1])], [0.0])
    before = cpu_seconds(side.pid)
    bodies = [side.body(texts[number % len(texts)]) for number in range(count)]
    load = send_all(side.url, side.headers, bodies, poisson_times(rate, count, SEED), longest)
    return load, (cpu_seconds(side.pid) - before) / max(1, load.count(200))


def row(name: str, rate: float, load: Load, each: float) -> list[object]:
    late = [load.percentile(share) for share in (0.5, 0.99)]
    shown = ["-" if value is None else f"{1000 * value:,.0f} ms" for value in late]
    cpu = f"{each:.2f} s" if load.count(200) else "-"
    return [name, f"{rate:g}/s", len(load.sent), load.count(200), load.count(429), load.others(), *shown, cpu]


HEADER = ("server", "asked", "requests", "answered", "refused (429)", "otherwise", "p50", "p99", "CPU an answer")


def measure(home: Path, model: ModelVersion, threads: int, part: int) -> list[list[object]]:
    texts, rows = read_real_speech(), []
    with ours(home, model.model_id, "direct", threads) as side:
        for rate, count in ((1.0, 60), (5.0, 600), (50.0, 1_500)):
            rows.append(row("ours, six scores", rate, *ask(side, texts, rate, count // part)))
        alive, _ = ask(side, texts, 1.0, 10)
        assert alive.count(200) == 10, "the server did not come through"
    with ours(home, model.model_id, "template", threads) as side:
        rows.append(row("ours, scores and explanations", 0.5, *ask(side, texts, 0.5, 60 // part)))
    with plain_generate(home, model, threads) as side:
        alone, each = ask(side, texts, 0.01, 2)
        rows.append(row("generate behind FastAPI, alone", 0.01, alone, each))
        rows.append(row("generate behind FastAPI", 5.0, *ask(side, texts, 5.0, 150 // part, PEER_LONGEST)))
    return rows


def chosen_model(home: Path | None, name: str | None, folder: Path) -> tuple[Path, ModelVersion]:
    """The model to serve, and the home it lies in; without one a new home that knows the base alone."""
    place = home or folder
    store = open_store(f"sqlite:///{place / 'feedback.db'}")
    if home is None:
        base = ModelVersion("base", resolve_base("smollm2"), quantised=False)
        record_models(store, [base])
        name = base.model_id
    version = choose_model(store, name).version
    store.close()
    return place, version


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of everything, to see that it runs; no page is written"
    )
    arguments = parser.parse_args()
    started = processor_seconds()
    with tempfile.TemporaryDirectory() as folder:
        home, model = chosen_model(arguments.home, arguments.model, Path(folder))
        rows = measure(home, model, arguments.threads, 10 if arguments.quick else 1)
    body = f"""# Serving

{model.name} of {model.base.name}, {arguments.threads} threads, one transcript of real speech a request. Requests come at random
times, on average as often as stated, whatever became of those before; a latency counts from the moment a request was due to
the last byte of its answer.

{table(HEADER, rows)}

Aims for six scores: p50 150 ms and p99 400 ms at 5/s, nothing lost at 50/s. The peer writes six scores and explanations with
`generate` in float32, one request after the other; what has no answer after {PEER_LONGEST:.0f} s has none. The client runs
on the same cores.

{processor_name()}.
"""
    if arguments.quick:
        print(body)
        return
    packages = ["torch", "transformers", "starlette", "uvicorn", "fastapi"]
    write_results("serving", packages, processor_seconds() - started, body)


if __name__ == "__main__":
    main()
