"""Charts as inline SVG, drawn by Altair and vl-convert without a browser.

Every chart is narrow enough for a telephone; wider pages set several side by side. Colours are named by the page's CSS
variables, so that one drawing serves light, dark and print.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from eval.report.data import Cell
from feedback_model.traits import MAX_SCORE, MIN_SCORE

# Vega wants colours it can parse; these stand for the page's variables and are replaced in the finished drawing.
_NAMES = ("muted", "line", "accent", "soft", "amber", "faint", "paper")
_VARIABLES = {name: f"#0000{place:02}" for place, name in enumerate(_NAMES, start=1)}
Rows = Sequence[Mapping[str, Cell]]
TIERS = ["strict", "extractable", "repairable", "none"]
WIDTH = 265  # px of the plotting area; with axis and labels a chart is about 330 px


class Levels(NamedTuple):
    """Reference lines for an MSE."""

    constant: float | None
    """MSE of always saying the train mean: dashed."""
    floor: float | None = None
    """Noise of the labeller: dotted; None where nothing was labelled again."""


def _altair() -> Any:
    # Loaded when the first chart is drawn, and untyped: its generated types refuse channels held in variables.
    import altair
    from altair.utils import schemapi

    schemapi.disable_debug_mode()  # else every part of a chart is validated as it is made, half of the time a report takes
    return altair


def _color(name: str) -> Any:
    alt = _altair()

    return alt.value(_VARIABLES[name])


def _draw(chart: Any) -> str:
    import vl_convert

    axis = {"domain": False, "ticks": False, "labelColor": _VARIABLES["muted"], "gridColor": _VARIABLES["line"]}
    axis |= {
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleColor": _VARIABLES["muted"],
        "titleFontWeight": "normal",
        "labelPadding": 6,
    }
    config: dict[str, Any] = {"view": {"stroke": None}, "background": "transparent", "font": "sans-serif", "axis": axis}
    config["legend"] = {"labelColor": _VARIABLES["muted"], "labelFontSize": 11, "title": None, "orient": "bottom"}
    config["legend"] |= {"symbolOpacity": 1, "columns": 4}
    svg = vl_convert.vegalite_to_svg(chart.configure(**config).to_json(validate=False))
    return _fit_to_page(svg)


def _fit_to_page(svg: str) -> str:
    for name, color in _VARIABLES.items():
        svg = svg.replace(color, f"var(--{name})")
    svg = re.sub(r'font-family="[^"]*"', "", svg)
    return svg[svg.index("<svg") :]


def _data(rows: Rows) -> Any:
    alt = _altair()

    return alt.Data(values=json.loads(json.dumps([dict(row) for row in rows])))


def draw_trait(rows: Rows, models: Sequence[str], best: str | None, levels: Levels, top: float) -> str:
    """Draw the MSE of every model on one trait with its interval, beside the constant predictor and the noise floor.

    Args:
        top: the largest MSE shown, the same for all traits.
    """
    alt = _altair()

    y = alt.Y("model:N", sort=list(models), title=None, axis=alt.Axis(grid=False, domain=False))
    scale = alt.Scale(domain=[0, top], clamp=True)
    base = alt.Chart(_data([{**row, "best": row["model"] == best} for row in rows]))
    color = alt.condition("datum.best", _color("accent"), _color("muted"))
    spread = base.mark_rule(strokeWidth=2, opacity=0.5).encode(
        y=y, x=alt.X("ci_low:Q", scale=scale, title="MSE"), x2="ci_high:Q", color=color
    )
    points = base.mark_circle(size=70, opacity=1).encode(y=y, x=alt.X("mse:Q", scale=scale, title="MSE"), color=color)
    layers = [*_draw_levels(levels, "x", scale), spread, points]
    return _draw(alt.layer(*layers).properties(width=WIDTH, height=22 * len(models)))


def _draw_levels(levels: Levels, channel: str, scale: Any) -> list[Any]:
    alt = _altair()

    axis = alt.X("value:Q", scale=scale) if channel == "x" else alt.Y("value:Q", scale=scale)
    lines = ((levels.constant, [5, 3], "amber"), (levels.floor, [1.5, 2.5], "muted"))
    return [
        alt.Chart(_data([{"value": value}]))
        .mark_rule(strokeDash=dashes, strokeWidth=1.5)
        .encode(**{channel: axis}, color=_color(name))
        for value, dashes, name in lines
        if value is not None
    ]


def draw_differences(rows: Rows) -> str:
    """Draw a forest of paired differences in MSE: left of zero a model has less error than the one it is compared with.

    Filled where the two are distinguishable, hollow where they are not; the thin line is what the missing outputs could
    have made of it.
    """
    alt = _altair()

    known = [{**row, "told": bool(row["distinguishable"])} for row in rows if row["difference"] is not None]
    y = alt.Y("model:N", sort=[row["model"] for row in rows], title=None, axis=alt.Axis(grid=False))
    chart = alt.Chart(_data(known))
    zero = alt.Chart(_data([{"value": 0}])).mark_rule(strokeWidth=1.5).encode(x="value:Q", color=_color("muted"))
    possible = chart.mark_rule(strokeWidth=1, opacity=0.7).encode(
        y=y,
        x=alt.X("bound_low:Q", title="Difference in MSE", axis=alt.Axis(tickCount=6)),
        x2="bound_high:Q",
        color=_color("muted"),
    )
    spread = chart.mark_rule(strokeWidth=3).encode(y=y, x="ci_low:Q", x2="ci_high:Q", color=_color("accent"))
    fill = alt.condition("datum.told", _color("accent"), _color("paper"))
    points = chart.mark_point(size=70, strokeWidth=2, opacity=1).encode(
        y=y, x="difference:Q", fill=fill, stroke=alt.value(_VARIABLES["accent"])
    )
    layers = alt.layer(possible, zero, spread, points)
    return _draw(layers.properties(width=WIDTH, height=28 * max(1, len(rows))))


def draw_failures(rows: Rows, models: Sequence[str]) -> str:
    """Draw a Pareto chart of failure codes, the most frequent first, by model."""
    alt = _altair()

    shades = [_VARIABLES[name] for name in ("faint", "amber", "soft", "accent", "muted")]
    order = {model: place for place, model in enumerate(models)}
    placed = [{**row, "place": order[str(row["model"])]} for row in rows]
    colors = alt.Scale(domain=list(models), range=[shades[place % len(shades)] for place in range(len(models))])
    bars = alt.Chart(_data(placed)).mark_bar(height=14)
    codes = len({row["failure_code"] for row in rows})
    return _draw(
        bars.encode(
            y=alt.Y("failure_code:N", sort="-x", title=None, axis=alt.Axis(grid=False)),
            x=alt.X("n:Q", title="Outputs", axis=alt.Axis(values=_whole_ticks(rows), format="d")),
            color=alt.Color("model:N", scale=colors, sort=list(models)),
            order=alt.Order("place:Q"),
        ).properties(width=WIDTH - 60, height=24 * max(2, codes))
    )


def _whole_ticks(rows: Rows) -> list[int]:
    """Space four or five whole numbers from zero to the longest bar: Vega's own would repeat themselves below four."""
    totals: dict[Cell, int] = {}
    for row in rows:
        totals[row["failure_code"]] = totals.get(row["failure_code"], 0) + int(row["n"] or 0)
    longest = max(totals.values())
    return list(range(0, longest + 1, max(1, round(longest / 4))))


def draw_validity(rows: Rows) -> str:
    """Draw the share of each model's outputs by the best tier they reach."""
    alt = _altair()

    shares = [share for row in rows for share in _shares(row)]
    colors = alt.Scale(domain=TIERS, range=[_VARIABLES[name] for name in ("accent", "soft", "amber", "faint")])
    bars = alt.Chart(_data(shares)).mark_bar(height=14)
    return _draw(
        bars.encode(
            y=alt.Y("model:N", sort=[row["model"] for row in rows], title=None, axis=alt.Axis(grid=False)),
            x=alt.X("share:Q", title=None, axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("tier:N", scale=colors, sort=TIERS),
            order=alt.Order("place:Q"),
        ).properties(width=WIDTH, height=26 * len(rows))
    )


def _shares(row: Mapping[str, Cell]) -> list[dict[str, Cell]]:
    names = ("valid_strict", "valid_extractable", "valid_repairable", "n_test")
    reached = [0, *(int(row[name] or 0) for name in names)]
    return [
        {"model": row["model"], "tier": tier, "place": place, "share": (upper - lower) / max(1, reached[-1])}
        for place, (tier, lower, upper) in enumerate(zip(TIERS, reached, reached[1:], strict=False))
    ]


def draw_epochs(rows: Rows, levels: Levels) -> str:
    """Draw penalised MSE with its interval from the quantised base over the epochs, on both splits."""
    alt = _altair()

    known = [row for row in rows if row["mse_penalised"] is not None]
    scale = alt.Scale(zero=True)
    x, color = _by_epoch(known)
    y = alt.Y("mse_penalised:Q", title="MSE, penalised", scale=scale)
    chart = alt.Chart(_data([{**row, "epoch": _epoch_of(row)} for row in known]))
    line = chart.mark_line(point={"size": 50}, strokeWidth=2).encode(x=x, y=y, color=color)
    spread = chart.mark_rule(strokeWidth=2, opacity=0.4).encode(
        x=x, y=alt.Y("mse_penalised_low:Q", scale=scale), y2="mse_penalised_high:Q", color=color
    )
    layers = [*_draw_levels(levels, "y", scale), spread, line]
    return _draw(alt.layer(*layers).properties(width=WIDTH, height=150))


def draw_epoch_validity(rows: Rows) -> str:
    """Draw the share of strictly valid outputs from the quantised base over the epochs, on both splits."""
    alt = _altair()

    shares = [{**row, "epoch": _epoch_of(row), "share": _valid_share(row)} for row in rows if row["n_test"]]
    x, color = _by_epoch(rows)
    y = alt.Y("share:Q", title="Strictly valid", axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(domain=[0, 1]))
    line = alt.Chart(_data(shares)).mark_line(point={"size": 50}, strokeWidth=2).encode(x=x, y=y, color=color)
    return _draw(line.properties(width=WIDTH, height=150))


def _valid_share(row: Mapping[str, Cell]) -> float:
    return float(row["valid_strict"] or 0) / float(row["n_test"] or 1)


def _by_epoch(rows: Rows) -> tuple[Any, Any]:
    """Make the horizontal axis of epochs, and a colour for each split."""
    alt = _altair()

    ticks = sorted({_epoch_of(row) for row in rows})
    colors = alt.Scale(domain=["test", "validation"], range=[_VARIABLES["accent"], _VARIABLES["muted"]])
    x = alt.X("epoch:Q", title="Epoch (0: quantised base)", axis=alt.Axis(values=ticks, format="d", grid=False))
    return x, alt.Color("split:N", scale=colors)


def _epoch_of(row: Mapping[str, Cell]) -> int:
    return int(str(row["model"]).partition("epoch-")[2] or 0)


def draw_loss(rows: Rows) -> str:
    """Draw the training loss over the steps."""
    alt = _altair()

    line = alt.Chart(_data(rows)).mark_line(strokeWidth=1.5)
    encoded = line.encode(
        x=alt.X("step:Q", title="Step", axis=alt.Axis(grid=False, tickCount=5)),
        y=alt.Y("loss:Q", title="Training loss, nats"),
        color=_color("accent"),
    )
    return _draw(encoded.properties(width=WIDTH, height=150))


def draw_distribution(rows: Rows) -> str:
    """Draw the labels of the train part by score: real below, augmented on top."""
    alt = _altair()

    colors = alt.Scale(domain=["real", "augmented"], range=[_VARIABLES["soft"], _VARIABLES["accent"]])
    ordered = [{**row, "place": 0 if row["origin"] == "real" else 1} for row in rows]
    return _draw(
        alt.Chart(_data(ordered))
        .mark_bar(width=17)
        .encode(
            x=_score_axis("score", "Score"),
            y=alt.Y("n:Q", title="Transcripts", axis=alt.Axis(tickCount=4, tickMinStep=1)),
            color=alt.Color("origin:N", scale=colors, legend=None),
            order=alt.Order("place:Q"),
        )
        .properties(width=WIDTH, height=90)
    )


def _score_axis(field: str, title: str, *, vertical: bool = False) -> Any:
    alt = _altair()

    scores = list(range(MIN_SCORE, MAX_SCORE + 1))
    axis = alt.Axis(grid=False, labelAngle=0)
    scale = alt.Scale(domain=scores[::-1] if vertical else scores)
    return (alt.Y if vertical else alt.X)(f"{field}:O", title=title, axis=axis, scale=scale)


def draw_confusion(rows: Rows) -> str:
    """Draw label against prediction, rounded; on the marked diagonal they agree."""
    alt = _altair()

    rounded = [{**row, "predicted": round(float(row["predicted_score"] or 0))} for row in rows]
    x, y = _score_axis("label_score", "Label"), _score_axis("predicted", "Predicted", vertical=True)
    diagonal = [{"label_score": score, "predicted": score} for score in range(MIN_SCORE, MAX_SCORE + 1)]
    marked = alt.Chart(_data(diagonal)).mark_rect(
        stroke=_VARIABLES["muted"], strokeWidth=1, strokeOpacity=0.6, fillOpacity=0
    )
    cells = alt.Chart(_data(rounded)).mark_rect()
    opacity = alt.Opacity("sum(n):Q", scale=alt.Scale(range=[0.12, 1]), legend=None)
    layers = alt.layer(cells.encode(x=x, y=y, opacity=opacity, color=_color("accent")), marked.encode(x=x, y=y))
    return _draw(layers.properties(width=WIDTH - 25, height=WIDTH - 45))
