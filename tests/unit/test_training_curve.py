"""The curve of a training in Markdown: a row an epoch, and diagrams where there is enough to draw."""

from dataclasses import replace

from eval.report.number_formats import ABSENT
from eval.report.training_curve import POINTS, MeasuredEpoch, curve_markdown
from feedback_model.records.recipe import Recipe
from feedback_model.records.training import (
    BaseModel,
    Checkpoint,
    EpochMeasured,
    TrainingRun,
    TrainingStep,
    choose_precision,
)

BASE = BaseModel("smollm2", "smollm2", "r1")
RUN = TrainingRun("run1", "d1", BASE, Recipe(), choose_precision("float16", "cpu"), "cpu", "c1", ())
MADE = Checkpoint("run1", 1, "checkpoints/run1/epoch-1", "sha", 1.25)
FOUND = EpochMeasured(n_total=8, n_valid=6, mse_penalised=3.5, mse_constant=5.0)


def steps(count: int) -> list[TrainingStep]:
    return [
        TrainingStep(n, 1, 4.0 / n, 1e-4, n_tokens=1000, seconds=0.5, peak_memory=3 * 1024**3)
        for n in range(1, count + 1)
    ]


def test_an_epoch_stands_beside_the_constant() -> None:
    text = curve_markdown(RUN, steps(2), [MeasuredEpoch(MADE, FOUND)])
    assert "| 1 | 1.250 | 6 of 8 (75.0%) | 3.50 | 5.00 |" in text
    assert "bar [3.5000]" in text
    assert "line [5.0000]" in text


def test_what_was_not_measured_is_a_dash() -> None:
    text = curve_markdown(RUN, [], [MeasuredEpoch(replace(MADE, train_loss=None), None)])
    assert " | ".join([ABSENT] * 4) in text
    assert "mermaid" not in text


def test_a_long_loss_curve_is_thinned() -> None:
    text = curve_markdown(RUN, steps(1000), [])
    (line,) = [each for each in text.splitlines() if each.strip().startswith("line [")]
    assert line.count(",") == POINTS - 1
    assert 'x-axis "Step" 1 --> 1000' in text


def test_it_says_how_it_computes_and_why() -> None:
    text = curve_markdown(RUN, steps(2), [])
    assert "computes in float32 on cpu (no CUDA device" in text
    assert "2,000 tokens/s. Peak memory 3.0 GiB." in text
