"""Writing the report: content into the template, the file published whole or not at all."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from eval.report.table import find_evaluation, show_mse, show_share
from feedback_model.errors import StoreError
from feedback_model.settings import Settings
from feedback_model.store.connection import Store
from feedback_model.traits import TRAITS


def write_report(store: Store, settings: Settings, evaluation_id: str | None = None) -> Path:
    """Write the report on an evaluation (by default the newest on test) and point `latest.html` at the same content.

    Returns:
        `reports/<evaluation id>.html` under the home folder: one file that needs no network.

    Raises:
        MissingStage: there is no such evaluation.
        StoreError: the file cannot be written.
    """
    from eval.report.content import gather

    evaluation = find_evaluation(store, evaluation_id)
    page = _render(gather(store, evaluation)).encode("utf-8", "replace")
    path = settings.reports / f"{evaluation.evaluation_id}.html"
    try:
        settings.reports.mkdir(parents=True, exist_ok=True)
        _publish(path, page)
        _publish(settings.reports / "latest.html", page)
    except OSError as error:
        raise StoreError(f"the report {path} cannot be written: {error.strerror}; make room or permission") from error
    return path


def _publish(path: Path, content: bytes) -> None:
    """Write so that a reader sees the old file or the new one, never half of either."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    os.replace(draft, path)  # noqa: PTH105 -- named for what it does: atomic


def _render(content: object) -> str:
    import jinja2

    environment: Any = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["traits"] = TRAITS
    environment.filters |= {"mse": show_mse, "share": show_share}
    return environment.get_template("report.html.j2").render(content=content)


def _template(name: str) -> str:
    return files("eval.report").joinpath("templates", name).read_text(encoding="utf-8")
