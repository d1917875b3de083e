"""Charts as inline SVG, drawn by Altair and vl-convert without a browser.

Every chart is narrow enough for a telephone; wider pages set several side by side. Colours are named by the page's CSS
variables, so that one drawing serves light, dark and print. Knows nothing of SQL.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from feedback_model.store.reading import Row
from feedback_model.traits import MAX_SCORE, MIN_SCORE

# Vega wants colours it can parse; these stand for the page's variables and are replaced in the finished drawing.
_NAMES = ("muted", "line", "accent", "soft", "amber", "faint")
_VARIABLES = {name: f"#0000{place:02}" for place, name in enumerate(_NAMES, start=1)}
WIDTH = 265  # px of the plotting area; with axis and labels a chart is about 330 px
_MAX_POINTS = 300  # of a curve; more could not be seen


def _altair() -> Any:
    # Loaded when the first chart is drawn, and untyped: its generated types refuse channels held in variables.
    import altair

    return altair


def _color(name: str) -> Any:
    alt = _altair()

    return alt.value(_VARIABLES[name])


def _draw(chart: Any) -> str:
    import vl_convert

    axis = {"domain": False, "ticks": False, "labelColor": _VARIABLES["muted"], "gridColor": _VARIABLES["line"]}
    axis |= {"labelFontSize": 11, "titleFontSize": 11, "titleColor": _VARIABLES["muted"], "titleFontWeight": "normal"}
    config: dict[str, Any] = {"view": {"stroke": None}, "background": "transparent", "font": "sans-serif", "axis": axis}
    config["legend"] = {"labelColor": _VARIABLES["muted"], "labelFontSize": 11, "title": None, "orient": "bottom"}
    svg = vl_convert.vegalite_to_svg(chart.configure(**config).to_json(validate=False))
    return _fit_to_page(svg)


def _fit_to_page(svg: str) -> str:
    for name, color in _VARIABLES.items():
        svg = svg.replace(color, f"var(--{name})")
    svg = re.sub(r'font-family="[^"]*"', "", svg)
    return svg[svg.index("<svg") :]


def _data(rows: Sequence[Row]) -> Any:
    alt = _altair()

    return alt.Data(values=json.loads(json.dumps(list(rows), default=float)))


def draw_trait(rows: Sequence[Row], models: Sequence[str], best: str | None, constant: float | None, top: float) -> str:
    """MSE of every model on one trait with its interval; the dashed line is the constant predictor.

    Args:
        top: the largest MSE shown, the same for all traits.
    """
    alt = _altair()

    y = alt.Y("model:N", sort=list(models), title=None, axis=alt.Axis(grid=False, domain=False))
    scale = alt.Scale(domain=[0, top], clamp=True)
    base = alt.Chart(_data([row | {"best": row["model"] == best} for row in rows]))
    color = alt.condition("datum.best", _color("accent"), _color("muted"))
    spread = base.mark_rule(strokeWidth=2, opacity=0.5).encode(
        y=y, x=alt.X("ci_low:Q", scale=scale, title="MSE"), x2="ci_high:Q", color=color
    )
    points = base.mark_circle(size=70, opacity=1).encode(y=y, x=alt.X("mse:Q", scale=scale, title="MSE"), color=color)
    layers = [spread, points]
    if constant is not None:
        layers.append(_level(constant, "x", scale))
    return _draw(alt.layer(*layers).properties(width=WIDTH, height=22 * len(models)))


def _level(value: float, channel: str, scale: Any) -> Any:
    alt = _altair()

    axis = alt.X("value:Q", scale=scale) if channel == "x" else alt.Y("value:Q", scale=scale)
    rule = alt.Chart(_data([{"value": value}])).mark_rule(strokeDash=[4, 3], strokeWidth=1.5)
    return rule.encode(**{channel: axis}, color=_color("amber"))


def draw_validity(rows: Sequence[Row]) -> str:
    """Each model's outputs by the best tier they reach."""
    alt = _altair()

    tiers = ["strict", "extractable", "repairable", "none"]
    shares = [share for row in rows for share in _shares(row)]
    colors = alt.Scale(domain=tiers, range=[_VARIABLES[name] for name in ("accent", "soft", "amber", "faint")])
    bars = alt.Chart(_data(shares)).mark_bar(height=14)
    return _draw(
        bars.encode(
            y=alt.Y("model:N", sort=[row["model"] for row in rows], title=None, axis=alt.Axis(grid=False)),
            x=alt.X("share:Q", title=None, axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("tier:N", scale=colors, sort=tiers),
            order=alt.Order("place:Q"),
        ).properties(width=WIDTH, height=26 * len(rows))
    )


def _shares(row: Row) -> list[Row]:
    reached = [0, row["valid_strict"], row["valid_extractable"], row["valid_repairable"], row["n_test"]]
    return [
        {"model": row["model"], "tier": tier, "place": place, "share": (upper - lower) / max(1, row["n_test"])}
        for place, (tier, lower, upper) in enumerate(
            zip(("strict", "extractable", "repairable", "none"), reached, reached[1:], strict=False)
        )
    ]


def draw_epochs(rows: Sequence[Row], constant: float | None) -> str:
    """Penalised MSE from the quantised base over the epochs, on both splits."""
    alt = _altair()

    known = [row | {"epoch": int(row["model"].partition("epoch-")[2] or 0)} for row in rows]
    known = [row for row in known if row["mse_penalised"] is not None]
    colors = alt.Scale(domain=["test", "validation"], range=[_VARIABLES["accent"], _VARIABLES["muted"]])
    scale = alt.Scale(zero=True)
    line = alt.Chart(_data(known)).mark_line(point={"size": 50}, strokeWidth=2)
    ticks = sorted({row["epoch"] for row in known})
    encoded = line.encode(
        x=alt.X("epoch:Q", title="Epoch (0: quantised base)", axis=alt.Axis(values=ticks, format="d", grid=False)),
        y=alt.Y("mse_penalised:Q", title="MSE, penalised", scale=scale),
        color=alt.Color("split:N", scale=colors),
    )
    layers = [encoded] if constant is None else [encoded, _level(constant, "y", scale)]
    return _draw(alt.layer(*layers).properties(width=WIDTH, height=150))


def draw_loss(rows: Sequence[Row]) -> str:
    """The training loss over the steps."""
    alt = _altair()

    some = list(rows)[:: max(1, len(rows) // _MAX_POINTS)]
    line = alt.Chart(_data(some)).mark_line(strokeWidth=1.5)
    encoded = line.encode(
        x=alt.X("step:Q", title="Step", axis=alt.Axis(grid=False, tickCount=5)),
        y=alt.Y("loss:Q", title="Training loss, nats"),
        color=_color("accent"),
    )
    return _draw(encoded.properties(width=WIDTH, height=150))


def draw_distribution(rows: Sequence[Row]) -> str:
    """Labels of the train part by score: real below, augmented on top."""
    alt = _altair()

    colors = alt.Scale(domain=["real", "augmented"], range=[_VARIABLES["soft"], _VARIABLES["accent"]])
    ordered = [row | {"place": 0 if row["origin"] == "real" else 1} for row in rows]
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


def draw_confusion(rows: Sequence[Row]) -> str:
    """Label against prediction, rounded; on the marked diagonal they agree."""
    alt = _altair()

    rounded = [row | {"said": round(row["predicted_score"])} for row in rows]
    x, y = _score_axis("label_score", "Label"), _score_axis("said", "Said", vertical=True)
    diagonal = [{"label_score": score, "said": score} for score in range(MIN_SCORE, MAX_SCORE + 1)]
    marked = alt.Chart(_data(diagonal)).mark_rect(stroke=_VARIABLES["line"], strokeWidth=1, fillOpacity=0)
    cells = alt.Chart(_data(rounded)).mark_rect()
    opacity = alt.Opacity("sum(n):Q", scale=alt.Scale(range=[0.12, 1]), legend=None)
    layers = alt.layer(cells.encode(x=x, y=y, opacity=opacity, color=_color("accent")), marked.encode(x=x, y=y))
    return _draw(layers.properties(width=WIDTH - 25, height=WIDTH - 45))
