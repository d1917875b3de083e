"""The training curve and the results in Weights & Biases: online with a key, offline without, never a reason to fail.

One run of ours is one run there, under the same id, so that a resumed training goes on in the same curve, and the
evaluation of its epochs stands beside it.
"""
# pyright: basic

import logging
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from feedback_model.records.evaluation import Evaluation, ModelResult
from feedback_model.records.training import Checkpoint, EpochMeasured, TrainingRun, TrainingStep
from feedback_model.traits import TRAIT_KEYS

_log = logging.getLogger(__name__)

INIT_SECONDS: Final = 15.0
"""How long the service may take to answer before the curve is kept offline."""


class Tracking:
    """One run in Weights & Biases, or nothing where that is disabled or has failed."""

    def __init__(self, run: TrainingRun, home: Path) -> None:
        self._run: Any = None
        self._home = home
        mode = _mode()
        if mode != "disabled":
            self._attempt(lambda: self._start(run, home, mode))
        if mode == "online" and self._run is None:
            self._attempt(lambda: self._start_over(run, home))

    @property
    def tracking_id(self) -> str | None:
        """The run's id in Weights & Biases; None where nothing is tracked."""
        return self._run.id if self._run is not None else None

    def _start(self, run: TrainingRun, home: Path, mode: Any) -> None:
        os.environ.setdefault("WANDB_SILENT", "true")
        import wandb

        home.joinpath("wandb").mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "feedback-model"),
            id=run.run_id,
            name=f"{run.base.name.rsplit('/', 1)[-1]} {run.run_id[:8]}",
            resume="allow",
            mode=mode,
            dir=str(home),
            config=_config(run),
            settings=_settings(wandb),
        )

    def _start_over(self, run: TrainingRun, home: Path) -> None:
        # Kept here, to be synced when the service can be reached; the failed attempt would still hold the run's id.
        import wandb

        wandb.teardown()
        self._start(run, home, "offline")

    def step(self, done: TrainingStep) -> None:
        """Log one update."""
        if self._run is not None:
            values = {"loss": done.loss, "learning_rate": done.learning_rate, "epoch": done.epoch}
            if done.n_tokens and done.seconds:
                values |= {"tokens_per_second": done.n_tokens / done.seconds}
            if done.peak_memory:
                values |= {"peak_memory_gib": done.peak_memory / 1024**3}
            self._attempt(lambda: self._run.log(values, step=done.step))

    def epoch(self, made: Checkpoint, measured: EpochMeasured | None, step: int) -> None:
        """Log the mean loss of an epoch, the checkpoint's validation figures, and its adapter as an artifact.

        Args:
            step: of the epoch's last update.
        """
        if self._run is not None:
            figures = _epoch_figures(made, measured)
            self._attempt(lambda: self._put_epoch(made, figures, step))

    def _put_epoch(self, made: Checkpoint, figures: dict[str, float], step: int) -> None:
        self._run.log({"epoch": made.epoch, **figures}, step=step)
        self._run.summary.update({f"epoch_{made.epoch}/{name}": each for name, each in figures.items()})
        self._put_adapter(made, figures)

    def _put_adapter(self, made: Checkpoint, figures: dict[str, float]) -> None:
        import wandb

        known = {"adapter_sha": made.adapter_sha, "epoch": made.epoch, **figures}
        adapter = wandb.Artifact(f"adapter-{made.run_id}", type="model", metadata=known)
        # Read where it lies: checkpoints never change, and a copy would lie outside the home folder.
        adapter.add_dir(str(self._home / made.path), skip_cache=True, policy="immutable")
        self._run.log_artifact(adapter, aliases=[f"epoch-{made.epoch}"])

    def results(self, evaluation: Evaluation, step: int) -> None:
        """Put a table with a row per model beside the curve, and each figure into the run's summary.

        Args:
            step: where the curve ends; the service drops what comes before that.
        """
        if self._run is not None:
            self._attempt(lambda: self._put_table(evaluation, step))

    def _put_table(self, evaluation: Evaluation, step: int) -> None:
        import wandb

        rows = [_results_row(evaluation, result) for result in evaluation.models]
        table = wandb.Table(columns=list(rows[0]), data=[list(row.values()) for row in rows])
        self._run.log({f"{evaluation.split}_results": table}, step=step)
        for row in rows:
            figures = {name: value for name, value in row.items() if isinstance(value, int | float)}
            self._run.summary.update(
                {f"{evaluation.split}/{row['model']}/{name}": each for name, each in figures.items()}
            )

    def finish(self, exit_code: int) -> None:
        """Close the run; 0 means that training is complete."""
        if self._run is not None:
            self._attempt(lambda: self._run.finish(exit_code=exit_code))

    def _attempt(self, action: Any) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever a tracker raises, the work is worth more
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            _log.warning("Weights & Biases failed, the work goes on: %s", reason)
            self._run = None


def _epoch_figures(made: Checkpoint, measured: EpochMeasured | None) -> dict[str, float]:
    """List what is known of an epoch, by its name there."""
    figures: dict[str, float | None] = {"train_loss": made.train_loss}
    if measured is not None:
        figures["validation/validity"] = measured.n_valid / measured.n_total
        figures["validation/mse_penalised"] = measured.mse_penalised
        figures["validation/mse_constant"] = measured.mse_constant
    return {name: each for name, each in figures.items() if each is not None}


def track_evaluations(
    run: TrainingRun, tracking_id: str | None, home: Path, evaluations: Sequence[Evaluation], step: int
) -> None:
    """Put the tables of `evaluations` into the run that tracked their training, each once, if it was tracked.

    Args:
        tracking_id: the run there; None where there is none.
        step: of the last update of the training.
    """
    marks = {home / "wandb" / f"{each.evaluation_id}.tracked": each for each in evaluations}
    new = {mark: each for mark, each in marks.items() if each.models and not _is_marked(mark, each)}
    if tracking_id is None or not new:
        return
    tracking = Tracking(run, home)
    for place, (mark, evaluation) in enumerate(new.items(), start=1):
        tracking.results(evaluation, step + place)
        if tracking.tracking_id is not None:
            mark.write_text(evaluation.created_at)
    tracking.finish(exit_code=0)


def _is_marked(mark: Path, evaluation: Evaluation) -> bool:
    return mark.is_file() and mark.read_text() == evaluation.created_at


def _results_row(evaluation: Evaluation, result: ModelResult) -> dict[str, str | int | float | None]:
    penalised = {trait.trait: trait.mse for trait in result.traits if trait.subset == "penalised"}
    return {
        "model": result.model,
        "best_epoch": "yes" if result.is_best_epoch else "",
        "n": evaluation.n_test,
        "valid_strict": result.valid_strict,
        "validity": result.valid_strict / evaluation.n_test,
        "validity_low": result.validity_low,
        "validity_high": result.validity_high,
        "mse_penalised": result.mse_penalised,
        "mse_penalised_low": result.mse_penalised_low,
        "mse_penalised_high": result.mse_penalised_high,
        "mse_individual": result.mse_individual,
        "n_individual": result.n_individual,
        "mse_common": result.mse_common,
        "n_common": result.n_common,
        **{f"mse_{trait}": penalised.get(trait) for trait in TRAIT_KEYS},
        "mse_constant": evaluation.mse_constant,
    }


def _mode() -> Any:
    with_key = "online" if os.environ.get("WANDB_API_KEY") else "offline"
    return os.environ.get("WANDB_MODE") or with_key


def _settings(wandb: Any) -> Any:
    # Hardware sampling, console capture and the look at git and the machine cost more than a small training.
    return wandb.Settings(
        silent=True,
        console="off",
        init_timeout=INIT_SECONDS,
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        disable_git=True,
        disable_code=True,
        save_code=False,
    )


def _config(run: TrainingRun) -> dict[str, Any]:
    return {
        **asdict(run.recipe),
        "dataset": run.dataset_id,
        "base_model": run.base.name,
        "base_revision": run.base.revision,
        "stand_in": run.base.stand_in,
        "precision_used": run.precision["used"],
        "precision_reason": run.precision["reason"],
        "device": run.device,
        "code_commit": run.code_commit,
    }
