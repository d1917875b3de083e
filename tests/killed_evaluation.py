"""Evaluates in child processes that die by SIGKILL, each before a later one of its writes; then once to the end.

Run as a program with a database's URL. Prints, as one JSON list, what each child left behind: how it ended, how many rows
the tables of evaluations had, and whether the evaluation that stood there still stands.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import count

from sqlalchemy import event, func, select

from eval.evaluate import evaluate, judge_outputs
from feedback_model.store.connection import Store, connect, open_store
from feedback_model.store.evaluations import is_current, latest_evaluation
from feedback_model.store.tables import metadata
from tests.evaluated_run import RUN, EvaluatedRun, fill_run

MEASURED = [table for name, table in metadata.tables.items() if name.startswith("evaluation")]


def main(url: str) -> None:
    with closing(open_store(url)) as store:
        run = fill_run(store, n_train=12, n_held_out=8)
        for model, inference_id in run.models.items():
            judge_outputs(store, model, inference_id, run.dataset.dataset_id, "test")
    left = [*until_one_ends(url, run, again=False), *until_one_ends(url, run, again=True)]
    sys.stdout.write(json.dumps(left))


def until_one_ends(url: str, run: EvaluatedRun, *, again: bool) -> Iterator[tuple[int, int, bool]]:
    for write in count():
        child = os.fork()
        if not child:
            evaluate_until(url, run, write, again=again)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        yield ended, *what_is_left(url)
        if ended != -signal.SIGKILL:
            return


def evaluate_until(url: str, run: EvaluatedRun, last_write: int, *, again: bool) -> None:
    store, writes = connect(url), count()

    def look(statement: str) -> None:
        if statement.startswith(("INSERT", "DELETE", "UPDATE", "COMMIT")) and next(writes) == last_write:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(store.engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_: look(statement))
    event.listen(store.engine, "commit", lambda _connection: look("COMMIT"))
    evaluate(store, run.dataset, "test", run.models, RUN, best_epoch="epoch-2", again=again)
    os._exit(0)


def what_is_left(url: str) -> tuple[int, bool]:
    with closing(connect(url)) as store:
        evaluation = latest_evaluation(store)
        return rows_of_evaluations(store), evaluation is not None and is_current(store, evaluation)


def rows_of_evaluations(store: Store) -> int:
    with store.read() as connection:
        counts = [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in MEASURED]
    return sum(counts)


if __name__ == "__main__":
    main(sys.argv[1])
