"""`feedback status`: the health of every part of the service on one screen, without Prefect or torch."""

import json as json_reader
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from deployments.cli.options import Json, load_settings
from deployments.cli.serve import PORT
from deployments.terminal import out, write_out
from feedback_model.errors import ConfigurationError
from feedback_model.masking import mask

if TYPE_CHECKING:
    from feedback_model.records.service import Part, ServiceFigures

MARKS: Final = {
    "ok": "[green]ok[/]         ",
    "not running": "[yellow]not running[/]",
    "unhealthy": "[red]unhealthy[/]  ",
}
_NAME_WIDTH: Final = 15
_ANSWER_SECONDS: Final = 2.0


def status(
    serve: Annotated[
        str, typer.Option(metavar="URL", help="Where `feedback serve` is asked whether it is ready.")
    ] = f"http://127.0.0.1:{PORT}",
    json: Json = False,
) -> None:
    """Say how every part of the service is: what runs, what waits and for what, what failed last, what it has cost.

    Looks at the home folder, the database and the Prefect server that `feedback up` announced (or PREFECT_API_URL names), and
    changes nothing. Exits with 1 when a part is unhealthy; a part that does not run is none.
    """
    from deployments.local.service_figures import read_service_figures, server_to_ask
    from deployments.local.service_parts import is_healthy, judge_parts, judge_serving

    settings = load_settings(only_reads=True, makes_home=False)
    figures = read_service_figures(settings, server_to_ask(settings))
    parts = (*judge_parts(figures), judge_serving(serve, _ask_serving(serve)))
    if json:
        _print_json(parts, figures, healthy=is_healthy(parts))
    else:
        _print_lines(parts)
    if not is_healthy(parts):
        unhealthy = ", ".join(part.name for part in parts if part.state == "unhealthy")
        raise ConfigurationError(f"unhealthy: {unhealthy}; what to do stands above")


def _print_lines(parts: "tuple[Part, ...]") -> None:
    for part in parts:
        told = f"{part.found}; {part.remedy}" if part.remedy else part.found
        line = f"{MARKS[part.state]} {part.name:<{_NAME_WIDTH}} {escape(mask(told))}"
        out.print(line, highlight=False, soft_wrap=True)


def _print_json(parts: "tuple[Part, ...]", figures: "ServiceFigures", *, healthy: bool) -> None:
    import orjson

    told = {"healthy": healthy, "parts": [asdict(part) for part in parts], "figures": asdict(figures)}
    write_out(mask(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()) + "\n")


def _ask_serving(url: str) -> str | None:
    """Ask a server whether it has a model: empty where it has, its problem where not, None where nothing listens."""
    from feedback_model.network import read_url

    try:
        status, _, body = read_url(f"{url.rstrip('/')}/readyz", _ANSWER_SECONDS)
    except TimeoutError as error:
        return str(error)
    except (OSError, ValueError):
        return None
    return "" if status < HTTPStatus.BAD_REQUEST else _problem(body) or f"status {status}"


def _problem(body: bytes) -> str:
    try:
        return str(json_reader.loads(body)["problem"] or "it is being loaded")
    except (ValueError, KeyError, TypeError):
        return ""
