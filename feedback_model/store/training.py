"""Training runs, their loss curves and checkpoints, and the model versions they make, in SQL."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, delete, func, select, update

from feedback_model.errors import MissingStage
from feedback_model.records.identifiers import to_json
from feedback_model.records.recipe import recipe_from
from feedback_model.records.training import (
    BaseModel,
    Checkpoint,
    ModelVersion,
    TrainingRun,
    TrainingStep,
    Variant,
    epoch_folder,
)
from feedback_model.store import clock
from feedback_model.store.bulk import insert_missing, upsert
from feedback_model.store.connection import Store
from feedback_model.store.tables import checkpoint, model_version, training_run, training_step


def begin_run(store: Store, run: TrainingRun) -> None:
    """Write that `run` is at work; one that was begun before keeps its start and its time."""
    row = {
        "run_id": run.run_id,
        "dataset_id": run.dataset_id,
        "base_model": run.base.name,
        "base_revision": run.base.revision,
        "stand_in": run.base.stand_in,
        "recipe_hash": run.recipe.recipe_hash,
        "recipe": to_json(asdict(run.recipe)),
        "precision": to_json(run.precision),
        "device": run.device,
        "code_commit": run.code_commit,
        "state": "running",
    }
    with store.write() as connection:
        insert_missing(connection, training_run, [{**row, "started_at": clock.now(), "seconds": 0.0}])
        connection.execute(
            update(training_run)
            .where(training_run.c.run_id == run.run_id)
            .values({name: row[name] for name in ("precision", "device", "code_commit", "state")})
        )


def record_steps(store: Store, run_id: str, steps: Iterable[TrainingStep], seconds: float) -> None:
    """Add updates to the loss curve and `seconds` of wall time to the run; updates made again replace themselves."""
    rows = [{"run_id": run_id, **asdict(step)} for step in steps]
    with store.write() as connection:
        upsert(connection, training_step, rows, ["run_id", "step"])
        connection.execute(
            update(training_run)
            .where(training_run.c.run_id == run_id)
            .values(seconds=func.coalesce(training_run.c.seconds, 0.0) + seconds)
        )


def record_plan(store: Store, run_id: str, longest_answer: int, token_budget: int) -> None:
    """Write what a run found out before its first step."""
    values = {"longest_answer": longest_answer, "token_budget": token_budget}
    with store.write() as connection:
        connection.execute(update(training_run).where(training_run.c.run_id == run_id).values(values))


def record_checkpoint(store: Store, made: Checkpoint) -> None:
    """Write where the adapter after an epoch lies, in place of an earlier one of that run and epoch."""
    with store.write() as connection:
        row = {**asdict(made), "created_at": clock.now()}
        upsert(connection, checkpoint, [row], ["run_id", "epoch"])


def finish_run(store: Store, run_id: str, tracking_id: str | None) -> None:
    """Write that a run has made all its checkpoints."""
    with store.write() as connection:
        connection.execute(
            update(training_run)
            .where(training_run.c.run_id == run_id)
            .values(state="finished", finished_at=clock.now(), tracking_id=tracking_id)
        )


def tracking_of(store: Store, run_id: str) -> str | None:
    """Return the id of a run in Weights & Biases; None where it was not tracked."""
    with store.read() as connection:
        return connection.execute(select(training_run.c.tracking_id).where(training_run.c.run_id == run_id)).scalar()


def restart_run(store: Store, run_id: str) -> None:
    """Forget a run's loss curve and time before it is trained from scratch; its checkpoints stand until replaced."""
    with store.write() as connection:
        connection.execute(delete(training_step).where(training_step.c.run_id == run_id))
        connection.execute(
            update(training_run)
            .where(training_run.c.run_id == run_id)
            .values(state="running", started_at=clock.now(), finished_at=None, seconds=0.0)
        )


def read_run(store: Store, run_id: str) -> TrainingRun:
    """Return the run `run_id`, finished or not.

    Raises:
        MissingStage: there is no such run.
    """
    found = find_begun(store, run_id)
    if found is None:
        raise MissingStage(f"there is no training run {run_id!r}; run `feedback train`")
    return found


def find_begun(store: Store, run_id: str) -> TrainingRun | None:
    """Return the run `run_id` if it was begun, finished or not."""
    return _find(store, training_run.c.run_id == run_id)


def began_at(store: Store, run_id: str) -> str | None:
    """Return when the run `run_id` began, the last time that it did so from scratch; None where it never did."""
    with store.read() as connection:
        return connection.execute(select(training_run.c.started_at).where(training_run.c.run_id == run_id)).scalar()


def find_finished(store: Store, run_id: str) -> TrainingRun | None:
    """Return the run `run_id` if it has finished."""
    return _find(store, training_run.c.run_id == run_id, training_run.c.state == "finished")


def _find(store: Store, *conditions: ColumnElement[bool]) -> TrainingRun | None:
    with store.read() as connection:
        row = connection.execute(select(training_run).where(*conditions)).first()
        return _run_from(connection, row) if row is not None else None


def latest_run(store: Store) -> TrainingRun | None:
    """Return the run that finished last; None if none has.

    Runs without augmentation are there to be compared with, so they are never the latest.
    """
    statement = select(training_run).where(training_run.c.state == "finished")
    with store.read() as connection:
        for row in connection.execute(statement.order_by(training_run.c.finished_at.desc())):
            if recipe_from(orjson.loads(row.recipe)).with_augmented:
                return _run_from(connection, row)
    return None


def steps_of(store: Store, run_id: str) -> list[TrainingStep]:
    """Return a run's loss curve, in order."""
    statement = select(training_step).where(training_step.c.run_id == run_id).order_by(training_step.c.step)
    with store.read() as connection:
        rows = connection.execute(statement).all()
    return [TrainingStep(*row[1:]) for row in rows]


def checkpoints_of(store: Store, run_id: str) -> tuple[Checkpoint, ...]:
    """Return the checkpoints a run has made so far, by epoch."""
    with store.read() as connection:
        return _checkpoints(connection, run_id)


def _checkpoints(connection: Connection, run_id: str) -> tuple[Checkpoint, ...]:
    statement = select(checkpoint).where(checkpoint.c.run_id == run_id).order_by(checkpoint.c.epoch)
    return tuple(
        Checkpoint(row.run_id, row.epoch, row.path, row.adapter_sha, row.train_loss)
        for row in connection.execute(statement)
    )


def _run_from(connection: Connection, row: Row[Any]) -> TrainingRun:
    return TrainingRun(
        run_id=row.run_id,
        dataset_id=row.dataset_id,
        base=_base_from(row),
        recipe=recipe_from(orjson.loads(row.recipe)),
        precision=orjson.loads(row.precision),
        device=row.device,
        code_commit=row.code_commit,
        checkpoints=_checkpoints(connection, row.run_id),
        longest_answer=row.longest_answer,
    )


def _base_from(row: Row[Any]) -> BaseModel:
    # A base is named by what it is loaded from; the stand-in's cache is found when it is loaded.
    return BaseModel(row.base_model, row.base_model, row.base_revision, row.stand_in)


def record_models(store: Store, models: Sequence[ModelVersion]) -> None:
    """Write model versions that are not known yet."""
    with store.write() as connection:
        insert_missing(connection, model_version, [_model_row(model) for model in models])


def _model_row(model: ModelVersion) -> dict[str, Any]:
    made = model.checkpoint
    return {
        "model_id": model.model_id,
        "base_model": model.base.name,
        "base_revision": model.base.revision,
        "stand_in": model.base.stand_in,
        "quantised": model.quantised,
        "run_id": made.run_id if made else None,
        "epoch": made.epoch if made else None,
        "adapter_sha": made.adapter_sha if made else None,
        "variant": model.variant.form if model.variant else None,
        "weights_sha": model.variant.weights_sha if model.variant else None,
    }


def model_version_of(store: Store, model_id: str) -> ModelVersion:
    """Return the model version `model_id`, ready to be asked again.

    Raises:
        MissingStage: no model of that id was ever asked.
    """
    with store.read() as connection:
        row = connection.execute(select(model_version).where(model_version.c.model_id == model_id)).first()
        if row is None:
            raise MissingStage(f"there is no model {model_id!r}; run `feedback train` and `feedback evaluate`")
        if row.run_id is None:
            return _with_variant(
                ModelVersion("base-nf4" if row.quantised else "base", _base_from(row), row.quantised), row
            )
        found = connection.execute(
            select(checkpoint.c.train_loss, training_run.c.longest_answer)
            .join(training_run, training_run.c.run_id == checkpoint.c.run_id)
            .where(
                checkpoint.c.run_id == row.run_id,
                checkpoint.c.epoch == row.epoch,
                checkpoint.c.adapter_sha == row.adapter_sha,
            )
        ).first()
    loss, longest = found or (None, None)
    path = epoch_folder(row.run_id, row.epoch).as_posix()
    made = Checkpoint(row.run_id, row.epoch, path, row.adapter_sha, loss)
    return _with_variant(ModelVersion(f"epoch-{row.epoch}", _base_from(row), row.quantised, made, longest), row)


def _with_variant(model: ModelVersion, row: Row[Any]) -> ModelVersion:
    return model if row.variant is None else model.as_variant(Variant(row.variant, row.weights_sha))
