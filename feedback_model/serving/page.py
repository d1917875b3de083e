"""The page on which people try the model: rendered once, with files of its own and nothing from elsewhere."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

import jinja2

from feedback_model.rubric import read_rubric
from feedback_model.traits import SCORES, TRAITS
from feedback_model.transcripts.documents import FEWEST_WORDS

MEDIA_TYPES: Final = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "quotes.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""Files that the page fetches: the same for everyone, so that they need no token."""


@cache
def render_page() -> str:
    """Return the page."""
    return _render("page.html.j2", traits=TRAITS, scores=SCORES, rubric=read_rubric(), fewest_words=FEWEST_WORDS)


@cache
def render_locked_page() -> str:
    """Return what is shown to who did not come by the link."""
    return _render("locked.html.j2")


@cache
def page_file(name: str) -> bytes:
    """Return one of the files that the page fetches."""
    return files("feedback_model.serving").joinpath("page_files", name).read_bytes()


def _render(name: str, **values: Any) -> str:
    source = files("feedback_model.serving").joinpath("page_files", name).read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source).render(values)
