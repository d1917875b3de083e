"""Figures of the report: charts with their captions, made from query results alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.report import charts
from eval.report.data import Cell, QueryResult, Row
from eval.report.pairs import ComparedModel
from feedback_model.traits import TRAITS

Results = Mapping[str, QueryResult]


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart."""

    title: str
    svg: str


@dataclass(frozen=True, slots=True)
class Figure:
    """Charts that result one question."""

    title: str
    caption: str
    panels: tuple[Panel, ...]
    queries: tuple[str, ...]
    """Names of the queries whose results they draw."""


def trait_figure(results: Results, models: Sequence[str], best: str | None) -> Figure:
    """Make the figure of every model's MSE on every trait, against the constant predictor and the noise floor."""
    rows = [row for row in results["traits"].rows if row["subset"] == "penalised"]
    floors = {row["trait"]: row["floor"] for row in results["noise_floor"].rows}
    highest = [row["ci_high"] or row["mse"] or 0.0 for row in rows] + [row["mse_constant"] or 0.0 for row in rows]
    top = max([*map(float, highest), 1.0])
    panels: list[Panel] = []
    for trait in TRAITS:
        own = _of(rows, trait.key)
        constant = next((_number(row["mse_constant"]) for row in own), None)
        levels = charts.Levels(constant, _number(floors.get(trait.key)))
        panels.append(Panel(trait.title, charts.draw_trait(own, models, best, levels, top)))
    floor = (
        "The dotted line is the noise of the labels: against one label no model can truly come below it."
        if floors
        else "No transcript was labelled again in other words, so the noise of the labels is not known and no floor is drawn."
    )
    caption = (
        "MSE over all transcripts, an invalid output counted as the train median, with its 95% interval clustered on the "
        "document. The dashed line is the constant predictor: left of it a model does better than one that reads no transcript. "
    )
    return Figure("Error per trait", caption + floor, tuple(panels), ("traits", "noise_floor"))


def difference_figure(compared_models: Sequence[ComparedModel]) -> Figure | None:
    """Make the figure of paired differences against each compared model."""
    if not compared_models:
        return None
    caption = (
        "The same transcripts, penalised MSE of the model named less that of the one it is compared with: left of zero it "
        "has less error. Thick: the 95% interval, clustered on the document. Thin: what missing outputs could have made of it. A "
        "hollow point is not distinguishable, after Holm's correction over all pairs."
    )
    panels = tuple(
        Panel(f"Against {each.model}, {each.role}", charts.draw_differences(each.rows)) for each in compared_models
    )
    return Figure("Models compared", caption, panels, ("comparisons",))


def validity_figure(results: Results, summaries: Sequence[Row]) -> Figure:
    """Make the figure of valid outputs, and of the reasons why others are not valid."""
    models = [str(row["model"]) for row in summaries]
    panels = [Panel("Outputs by the tier they reach", charts.draw_validity(summaries))]
    failures = results["failures"].rows
    if failures:
        panels.append(Panel("Failures, the most frequent first", charts.draw_failures(failures, models)))
    caption = (
        "Each output counts at the best tier it reaches: strict (the whole output is one conforming object), extractable "
        "(after removing fences or prose), repairable (after a repair library edited it), or none. Only strict counts as valid."
    )
    return Figure("Validity", caption, tuple(panels), ("summary", "failures"))


def training_figure(results: Results, split: Cell, constant: Cell) -> Figure | None:
    """Make the figure of error and validity over the epochs, and of the loss curve."""
    epochs, loss = results["epochs"].rows, results["loss"].rows
    floor = next((_number(row["floor"]) for row in results["noise_floor"].rows if row["trait"] == "all"), None)
    panels: list[Panel] = []
    if any(str(row["model"]).startswith("epoch-") for row in epochs):
        panels.append(Panel("Error by epoch", charts.draw_epochs(epochs, charts.Levels(_number(constant), floor))))
        panels.append(Panel("Strictly valid by epoch", charts.draw_epoch_validity(epochs)))
    if loss:
        panels.append(Panel("Training loss", charts.draw_loss(loss)))
    caption = (
        "The epoch is chosen on validation; test is only reported on. The dashed line is the constant predictor on the "
        f"{split} split."
    )
    return Figure("Training", caption, tuple(panels), ("epochs", "loss")) if panels else None


def confusion_figure(results: Results, shown: str) -> Figure | None:
    """Make the figure of label against prediction for each trait."""
    rows = results["confusion"].rows
    if not rows:
        return None
    caption = (
        "How often each score was predicted for each label; on the marked diagonal they agree. Strictly valid "
        "outputs only."
    )
    panels = tuple(Panel(trait.title, charts.draw_confusion(_of(rows, trait.key))) for trait in TRAITS)
    return Figure(f"Label against {shown}", caption, panels, ("confusion",))


def augmentation_figure(results: Results) -> Figure | None:
    """Make the figure of train labels by score, before and after augmentation."""
    rows = results["scores"].rows
    if not rows:
        return None
    added = any(row["origin"] == "augmented" for row in rows)
    caption = (
        "Transcripts of the train part by score. "
        + (
            "The lower bars are what was landed, the upper ones what augmentation added where scores were rare. "
            if added
            else "Nothing was added by augmentation. "
        )
        + "Validation and test are never augmented."
    )
    panels = tuple(Panel(trait.title, charts.draw_distribution(_of(rows, trait.key))) for trait in TRAITS)
    return Figure("Training labels before and after augmentation", caption, panels, ("scores",))


def _of(rows: Sequence[Row], trait: str) -> list[Row]:
    return [row for row in rows if row["trait"] == trait]


def _number(value: Cell) -> float | None:
    return float(value) if isinstance(value, int | float) else None
