"""The results database at ten million predictions: how fast it is filled, and how fast it answers.

`python benchmarks/results_database.py [--evaluations 1000] [--keep FOLDER]`; one core, six minutes and 11 GB of disk
at full size. Not collected by pytest. Each evaluation is five models on the same 2,000 transcripts; predictions and their
errors are drawn, seeded, then written by the service's own writers and measured by its own code, and every query goes
through the read-only door that `feedback results sql` uses. The aims: one evaluation's table in 20 ms, the summary of all
in 100 ms.
"""

import argparse
import random
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median

from drawn_evaluations import MODELS, SEED, TRANSCRIPTS, Pattern, draw_items, draw_pattern, fill, fill_before
from results_page import table, write_results
from sqlalchemy import insert

from feedback_model.records.evaluation import Inference, Prediction
from feedback_model.records.labels import LabelledTranscript
from feedback_model.store import tables
from feedback_model.store.connection import Store, open_store
from feedback_model.store.predictions import record_inference, write_outputs
from feedback_model.store.readonly_sql import run_query
from feedback_model.traits import TRAIT_KEYS

PATTERNS, ROUNDS = 8, 15


QUERIES = {
    "one evaluation's table: `evaluation_summary` and `trait_mse`": (
        "SELECT * FROM evaluation_summary JOIN trait_mse USING (evaluation_id, model) WHERE evaluation_id = '{one}'",
        "20 ms",
    ),
    "the same MSE per trait from its 10,000 raw outputs": (
        """SELECT model, trait, AVG((predicted_score - label_score) * (predicted_score - label_score))
        FROM prediction_scores WHERE evaluation_id = '{one}' GROUP BY model, trait""",
        "",
    ),
    "its comparisons of every two models": ("SELECT * FROM comparisons WHERE evaluation_id = '{one}'", ""),
    "its confusion of labels and predictions": ("SELECT * FROM confusion WHERE evaluation_id = '{one}'", ""),
    "its outputs that failed": ("SELECT * FROM failure_pareto WHERE evaluation_id = '{one}'", ""),
    "its ten worst outputs": (
        "SELECT * FROM worst_outputs WHERE evaluation_id = '{one}' AND model = 'epoch-3' AND place <= 10",
        "",
    ),
    "the summary of all evaluations: `evaluation_summary`": ("SELECT * FROM evaluation_summary", "100 ms"),
    "every evaluation's best epoch, the latest first": (
        """SELECT evaluation_id, model, mse_penalised FROM evaluation_summary WHERE is_best_epoch
        ORDER BY created_at DESC, evaluation_id DESC LIMIT 20""",
        "",
    ),
}


def query_rows(url: str, n_evaluations: int) -> list[list[object]]:
    """Each query through the door, every round on a new connection and another evaluation."""
    rng, rows = random.Random(SEED), []
    for name, (sql, aim) in QUERIES.items():
        seconds, found = [], 0
        for _ in range(ROUNDS):
            asked = sql.format(one=f"e{rng.randrange(n_evaluations):06}")
            started = time.perf_counter()
            found = len(run_query(url, asked, max_rows=1_000_000, seconds=600).rows)
            seconds.append(time.perf_counter() - started)
        rows.append([name, f"{found:,}", f"{1000 * median(seconds):.1f} ms", f"{1000 * max(seconds):.1f} ms", aim])
    return rows


PROOF = """
WITH raw AS (
    SELECT evaluation_model.evaluation_id, evaluation_model.model, COUNT(*) AS n_valid,
        SUM({errors}) AS squared
    FROM evaluation_model
    JOIN judgement ON judgement.inference_id = evaluation_model.inference_id AND judgement.tier = 'strict'
    JOIN wide ON wide.transcript_id = judgement.transcript_id
    GROUP BY 1, 2
)
SELECT COUNT(*), SUM(n_valid = valid_strict AND n_valid = n_individual),
    MAX(ABS(squared / ({traits} * n_valid) - mse_individual))
FROM raw JOIN evaluation_model USING (evaluation_id, model)
"""


def prove(path: Path) -> tuple[int, int, float, float]:
    """The kept summary against all raw rows: models, those whose counts agree, the largest difference in MSE, seconds."""
    started = time.perf_counter()
    with closing(sqlite3.connect(path)) as connection:
        scores = ", ".join(f"MAX(CASE trait WHEN '{trait}' THEN score END) AS {trait}" for trait in TRAIT_KEYS)
        connection.execute(f"CREATE TEMP TABLE wide AS SELECT transcript_id, {scores} FROM label_score GROUP BY 1")
        connection.execute("CREATE UNIQUE INDEX temp.by_transcript ON wide (transcript_id)")
        terms = (f"(judgement.{trait} - wide.{trait}) * (judgement.{trait} - wide.{trait})" for trait in TRAIT_KEYS)
        sql = PROOF.format(errors=" + ".join(terms), traits=len(TRAIT_KEYS))
        models, agreeing, largest = connection.execute(sql).fetchone()
    return models, agreeing, largest, time.perf_counter() - started


def rates_of_writers(pattern: Pattern, items: Sequence[LabelledTranscript]) -> list[list[object]]:
    """Outputs per second of our writer and its peers, each into an empty database of the same schema."""
    rates: dict[str, list[float]] = {}
    writers = {"ours": write_ours, "SQLAlchemy Core": write_core, "bare sqlite3 executemany": write_bare}
    for turn in range(5):
        for name, write in writers.items():
            with tempfile.TemporaryDirectory() as folder:
                store = open_store(f"sqlite:///{folder}/feedback.db")
                fill_before(store, items)
                started = time.perf_counter()
                for number, model in enumerate(MODELS):
                    inference_id = f"{turn}{number}"
                    record_inference(
                        store, Inference(inference_id, f"m-{model}", "free", "feedback-00000000", 384, "cuda")
                    )
                    write(store, inference_id, pattern.predictions[model])
                rates.setdefault(name, []).append(len(MODELS) * TRANSCRIPTS / (time.perf_counter() - started))
                store.close()
    ours = rates["ours"]
    return [
        [name, f"{median(each):,.0f}", f"{median(a / b for a, b in zip(ours, each, strict=True)):.2f}"]
        for name, each in rates.items()
    ]


def write_ours(store: Store, inference_id: str, said: Sequence[Prediction]) -> None:
    write_outputs(store, inference_id, said)


def write_core(store: Store, inference_id: str, said: Sequence[Prediction]) -> None:
    rows = [
        {"inference_id": inference_id, "transcript_id": each.transcript_id, "raw": each.raw}
        | {"finish_reason": each.finish_reason, "n_tokens": each.n_tokens, "seconds": each.seconds}
        for each in said
    ]
    with store.write() as connection:
        connection.execute(insert(tables.output), rows)


def write_bare(store: Store, inference_id: str, said: Sequence[Prediction]) -> None:
    with closing(sqlite3.connect(str(store.engine.url.database))) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        rows = (
            (inference_id, one.transcript_id, one.raw, one.finish_reason, one.n_tokens, one.seconds) for one in said
        )
        connection.executemany("INSERT INTO output VALUES (?, ?, ?, ?, ?, ?)", rows)


def size_rows(path: Path, n_predictions: int) -> list[list[object]]:
    """Bytes of each large table with its indices, per prediction."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            sql = "SELECT tbl_name, SUM(pgsize) FROM dbstat JOIN sqlite_master USING (name) GROUP BY 1 ORDER BY 2 DESC LIMIT 4"
            found = connection.execute(sql).fetchall()
        except sqlite3.OperationalError:  # SQLite may be built without dbstat
            found = []
    return [[name, f"{size / 1e9:.2f} GB", f"{size / n_predictions:.0f}"] for name, size in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--evaluations", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="folder to leave the database in")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(arguments.keep or Path(folder), arguments.evaluations)


def measure(folder: Path, n_evaluations: int) -> None:
    started, rng = time.process_time(), random.Random(SEED)
    items = draw_items(rng)
    patterns = [draw_pattern(rng, items) for _ in range(min(PATTERNS, n_evaluations))]
    path = folder / "feedback.db"
    spent = fill(f"sqlite:///{path}", n_evaluations, patterns, items)
    n_predictions = n_evaluations * len(MODELS) * TRANSCRIPTS
    written = [[name, f"{seconds:.1f} s", f"{n_predictions / seconds:,.0f}"] for name, seconds in spent.items()]
    models, agreeing, largest, seconds = prove(path)
    assert models == agreeing == n_evaluations * len(MODELS)
    assert largest < 1e-9
    mean_size = sum(len(each.raw) for each in patterns[0].predictions["base"]) / TRANSCRIPTS
    body = f"""# The results database at {n_predictions:,} predictions

{n_evaluations:,} evaluations of {len(MODELS)} models on {TRANSCRIPTS:,} transcripts, on SQLite {sqlite3.sqlite_version}: every
output kept as it came ({mean_size:.0f} bytes on average), judged, and measured with every interval and comparison.

## Answers

Through the read-only door, {ROUNDS} rounds, each on a new connection and another evaluation.

{table(["query", "rows", "median", "slowest", "aim"], query_rows(f"sqlite:///{path}", n_evaluations))}

The kept summary equals the raw rows: of {models:,} models, {agreeing:,} have the number of strict outputs and the individual MSE
that one pass over all {n_predictions:,} judgements gives, the largest difference being {largest:.1e}. That pass takes
{seconds:.1f} s, which is why the writer keeps the summary.

## Writing

{table(["written", "time", "predictions/s"], written)}

Each in the transactions of the service, one per model and table, with foreign keys and full synchronisation. Beside its peers,
{len(MODELS) * TRANSCRIPTS:,} outputs into an empty database, median of 5 turns:

{table(["writer of outputs", "outputs/s", "ours is so many times as fast"], rates_of_writers(patterns[0], items))}

## Size

{path.stat().st_size / 1e9:.2f} GB, {path.stat().st_size / n_predictions:.0f} bytes per prediction.

{table(["table with its indices", "size", "bytes per prediction"], size_rows(path, n_predictions))}
"""
    write_results("results_database", ["sqlalchemy"], time.process_time() - started, body)


if __name__ == "__main__":
    main()
