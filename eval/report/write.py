"""Files of the report: the page, the same as data and as Markdown, each published whole or not at all."""

import json
import os
from pathlib import Path

from eval.report.content import compose
from eval.report.load import find_evaluation, load_report_data
from eval.report.render import make_document, render_markdown, render_page
from feedback_model.errors import StoreError
from feedback_model.settings import Settings
from feedback_model.store.connection import Store


def write_report(store: Store, settings: Settings, evaluation_id: str | None = None) -> Path:
    """Write the report on an evaluation (by default the newest on test) and point `latest.*` at the same content.

    Beside the page, which is one file and needs no network, the same figures lie as `.json` and `.md`.

    Returns:
        `reports/<evaluation id>.html` under the home folder.

    Raises:
        MissingStage: there is no such evaluation.
        StoreError: the database cannot answer, or a file cannot be written.
    """
    evaluation = find_evaluation(store, evaluation_id)
    report = load_report_data(store, evaluation)
    content = compose(report)
    texts = {
        ".html": render_page(report, content),
        ".json": json.dumps(make_document(report, content), ensure_ascii=False, indent=1) + "\n",
        ".md": render_markdown(content),
    }
    for suffix, text in texts.items():
        for name in (evaluation.evaluation_id, "latest"):
            _publish(settings.reports / f"{name}{suffix}", text)
    return settings.reports / f"{evaluation.evaluation_id}.html"


def _publish(path: Path, text: str) -> None:
    """Write so that a reader sees the old file or the new one, never half of either."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        os.replace(draft, path)  # noqa: PTH105 -- named for what it does: atomic
    except OSError as error:
        raise StoreError(f"the report {path} cannot be written: {error.strerror}; make room or permission") from error
