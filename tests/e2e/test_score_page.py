"""The page of `feedback score --format html` in a real browser: on a desk, on a telephone and on paper."""

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from feedback_model.scoring.answer import answer, with_documents
from feedback_model.scoring.formats import render
from feedback_model.traits import TRAITS
from tests.scored import ASKED, REFUSED, Answers, a_document, an_output, around

TEMPLATE = replace(ASKED, decoding="template")
ENDLESS = "w" * 400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A page about a short talk, a long one, and one that was refused."""
    talk, *long = (*a_document(60, speaker="Ada"), *a_document(200, 150, name="a long recording"))
    talk = replace(talk, text=f"Um, {ENDLESS}. {talk.text}")
    said = replace(
        an_output(explanation=f"Often “um”, {ENDLESS}."),
        distributions=tuple(around(score) for score in (1, 3, 5, 7, 9, 10)),
    )
    rows = answer([talk, REFUSED, *long], TEMPLATE, Answers([said, said, said]))
    path = tmp_path / "page.html"
    path.write_text("".join(render(with_documents(rows), "html")), encoding="utf-8")
    return path


def opened(browser: Browser, path: Path, width: int) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("width", [400, 1280])
def test_no_page_is_wider_than_its_screen(browser: Browser, path: Path, width: int) -> None:
    page = opened(browser, path, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_each_score_stands_in_its_bar(browser: Browser, path: Path) -> None:
    page = opened(browser, path, 1280)
    talk = page.locator("article").first
    for trait, expected in zip(TRAITS, (1, 3, 5, 7, 9, 10), strict=True):
        shown = talk.locator(f".trait.{trait.key}")
        scale, dot = shown.locator(".scale").bounding_box(), shown.locator(".dot").bounding_box()
        assert shown.locator(".score").inner_text() == f"{expected}/10"
        assert scale
        assert dot
        middle = (dot["x"] + dot["width"] / 2 - scale["x"]) / scale["width"]
        assert middle == pytest.approx((0.9 * expected + 0.1 * 5.5 - 1) / 9, abs=0.01)
    page.close()


def test_quoted_words_are_marked_for_a_reader(browser: Browser, path: Path) -> None:
    page = opened(browser, path, 400)
    mark = page.locator("blockquote mark").first
    assert (mark.inner_text(), mark.get_attribute("title")) == ("Um", "Formality")
    assert mark.evaluate("each => getComputedStyle(each).textDecorationLine") == "underline"
    page.close()


def test_a_page_can_be_printed(browser: Browser, path: Path) -> None:
    page = opened(browser, path, 1280)
    page.emulate_media(media="print")
    assert page.locator("blockquote").first.is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()
