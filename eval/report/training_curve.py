"""Curve of a training under way, as Markdown with diagrams: what the Prefect UI shows of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eval.report.number_formats import ABSENT, show_points, show_share
from feedback_model.records.training import Checkpoint, EpochMeasured, TrainingRun, TrainingStep
from feedback_model.sizes import show_size

POINTS: Final = 40
"""Most points of the loss curve; each is the mean of as many steps."""

COLOURS: Final = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#2563eb, #d97706"}}}}%%'
"""Of the first and the second series; the UI's own can hardly be seen."""


@dataclass(frozen=True, slots=True)
class MeasuredEpoch:
    """One checkpoint and its figures on validation."""

    made: Checkpoint
    measured: EpochMeasured | None
    """None where it could not be measured."""


def curve_markdown(run: TrainingRun, steps: Sequence[TrainingStep], epochs: Sequence[MeasuredEpoch]) -> str:
    """Render loss, validity and MSE so far; `steps` and `epochs` in their order."""
    parts = [_table(epochs), _draw_errors(epochs), _draw_loss(steps), _circumstances(run, steps)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(epochs: Sequence[MeasuredEpoch]) -> str:
    header = ["Epoch", "Training loss, nats", "Validation: strictly valid", "MSE penalised", "MSE of the constant"]
    lines = [header, ["---:"] * len(header), *map(_cells, epochs)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(each: MeasuredEpoch) -> list[str]:
    found, loss = each.measured, each.made.train_loss
    shown = [ABSENT] * 3 if found is None else _measured_cells(found)
    return [str(each.made.epoch), ABSENT if loss is None else f"{loss:.3f}", *shown]


def _measured_cells(found: EpochMeasured) -> list[str]:
    valid = f"{found.n_valid} of {found.n_total} ({show_share(found.n_valid, found.n_total)})"
    return [valid, show_points(found.mse_penalised), show_points(found.mse_constant)]


def _draw_errors(epochs: Sequence[MeasuredEpoch]) -> str:
    """Draw the MSE as bars and the constant predictor as a line; nothing where an epoch has no MSE."""
    errors = [each.measured.mse_penalised for each in epochs if each.measured]
    constants = [each.measured.mse_constant for each in epochs if each.measured]
    known = [each for each in (*errors, *constants) if each is not None]
    if not epochs or len(known) < 2 * len(epochs):
        return ""
    return _diagram(
        "Validation MSE by epoch; the line is the constant predictor",
        f'x-axis "Epoch" [{", ".join(str(each.made.epoch) for each in epochs)}]',
        f'y-axis "MSE" 0 --> {1.1 * max(known):.2f}',
        f"bar [{_listed(errors)}]",
        f"line [{_listed(constants)}]",
    )


def _draw_loss(steps: Sequence[TrainingStep]) -> str:
    width = -(-len(steps) // POINTS)
    means = [_mean_loss(steps[start : start + width]) for start in range(0, len(steps), width or 1)]
    if len(means) < 2:
        return ""
    return _diagram(
        "Training loss",
        f'x-axis "Step" {steps[0].step} --> {steps[-1].step}',
        f'y-axis "Nats" 0 --> {1.1 * max(means):.2f}',
        f"line [{_listed(means)}]",
    )


def _mean_loss(steps: Sequence[TrainingStep]) -> float:
    return sum(each.loss for each in steps) / len(steps)


def _listed(values: Sequence[float | None]) -> str:
    return ", ".join(f"{value:.4f}" for value in values if value is not None)


def _diagram(title: str, *lines: str) -> str:
    return "\n".join(
        ["```mermaid", COLOURS, "xychart-beta", f'    title "{title}"', *(f"    {each}" for each in lines), "```"]
    )


def _circumstances(run: TrainingRun, steps: Sequence[TrainingStep]) -> str:
    used, reason = run.precision["used"], run.precision["reason"]
    why = f" ({reason})" if reason else ""
    sentences = [f"Run `{run.run_id}` of {run.base.name} computes in {used} on {run.device}{why}."]
    timed = [(each.n_tokens, each.seconds) for each in steps if each.n_tokens and each.seconds]
    if timed:
        rate = sum(tokens for tokens, _ in timed) / sum(seconds for _, seconds in timed)
        sentences.append(f"{rate:,.0f} tokens/s.")
    if peak := max((each.peak_memory or 0 for each in steps), default=0):
        sentences.append(f"Peak memory {show_size(peak)}.")
    return " ".join(sentences)
