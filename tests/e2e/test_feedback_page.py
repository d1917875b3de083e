"""The page of `feedback serve`, used as people use it: with a mouse, by keyboard alone, on a telephone."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Route, expect

from feedback_model.demo.tiny_base import embedded_base
from feedback_model.store.connection import open_store
from feedback_model.traits import TRAITS
from tests.e2e.conftest import PATIENCE
from tests.serving_rig import Served, fill_models, serving

AXE = Path(__file__).parents[2] / ".axe" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TALK = (
    "Good evening, I'm here to report on the administration of the library. Therefore I'm asking for your support. The "
    "cloakroom is awful, and I guess some of you complain. I'm not a fool, it was a success."
)
"""Holds the words that the demo's base model likes to quote."""
LONG_TALK = " ".join([TALK] * (1 + 500 // len(TALK.split())))
NARROW, WIDE = {"width": 400, "height": 800}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the demo's base model, which knows how explanations are worded and little else."""
    home = tmp_path_factory.mktemp("page") / "home"
    home.mkdir()
    with closing(open_store(f"sqlite:///{home / 'feedback.db'}")) as store:
        base, _ = fill_models(store, embedded_base())
    with serving(home, "--model", base.model_id, "--decoding", "template") as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport=WIDE)
    opened.set_default_timeout(PATIENCE)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, served: Served) -> Iterator[Page]:
    """The page, opened by its link; whatever a browser complains of fails the test."""
    opened, complaints = context.new_page(), []
    opened.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(served.link)
    yield opened
    assert complaints == []


def is_complaint(message: ConsoleMessage) -> bool:
    """A browser notes each refusal as an error, which the page tells its reader."""
    return message.type == "error" and "status of 400" not in message.text


def wait_for_feedback(page: Page) -> None:
    expect(page.get_by_role("status")).to_have_text("Feedback is ready.", timeout=PATIENCE)


def ask(page: Page, text: str = TALK) -> None:
    page.get_by_role("textbox", name="Transcript").fill(text)
    page.get_by_role("button", name="Give feedback").click()
    wait_for_feedback(page)


def violations(page: Page) -> list[str]:
    if not AXE.exists():
        pytest.skip("the accessibility rules are not there: run `make axe`")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)
    assert len(found["passes"]) > 15
    return [f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]]


def first_quote(page: Page) -> tuple[Locator, list[str]]:
    """The first words that a reason quotes, and what stands for them in the talk."""
    quote = page.locator(".quote").first
    trait = quote.evaluate("button => button.closest('.trait').id")
    return quote, page.locator(f'mark[data-traits~="{trait}"]').all_inner_texts()


def test_the_link_leaves_no_token_in_the_address(page: Page, served: Served) -> None:
    assert page.url == f"http://{served.address}/"
    assert page.evaluate("document.cookie") == ""
    expect(page.get_by_text("Feedback model · embedded")).to_be_visible()


def test_a_link_of_others_locks_nobody_out(page: Page, context: BrowserContext, served: Served) -> None:
    """Any page may open this one with words of its own behind the #."""
    expect(page.get_by_text("Feedback model · embedded")).to_be_visible()
    opened_by_others = context.new_page()
    opened_by_others.goto(f"http://{served.address}/#not-the-token")
    expect(opened_by_others.get_by_text("Feedback model · embedded")).to_be_visible()


def test_a_pasted_talk_gets_scores_and_reasons(page: Page) -> None:
    ask(page)
    for trait in TRAITS:
        item = page.locator(f"#{trait.key}")
        expect(item.get_by_role("heading", name=trait.title)).to_be_visible()
        expect(item.locator(".score")).to_have_text(re.compile(r"^\d+\.\d (likely \d+ to \d+|most likely \d+)$"))
        expect(item.get_by_role("img", name=re.compile(rf"^{trait.title}: \d+\.\d of 10, likely"))).to_be_visible()
        expect(item.locator(".why")).not_to_be_empty()
    expect(page.get_by_role("region", name="What was said")).to_have_text(TALK)
    expect(page.get_by_text("model answered: it is tiny")).to_be_visible()


def test_scores_come_before_their_reasons(page: Page) -> None:
    """While the reasons are being written, the scores are there to be read."""
    held: list[Route] = []

    def hold_the_second(route: Route) -> None:
        if '"direct"' in (route.request.post_data or ""):
            route.continue_()
        else:
            held.append(route)

    page.route("**/v1/feedback", hold_the_second)
    page.get_by_role("textbox", name="Transcript").fill(TALK)
    page.get_by_role("button", name="Give feedback").click()
    expect(page.locator("#empathy .score")).to_have_text(re.compile(r"^\d"), timeout=PATIENCE)
    expect(page.locator("#empathy .why")).to_have_text("Reason to come …")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    held[0].continue_()
    wait_for_feedback(page)
    expect(page.locator("#empathy .why")).not_to_have_text("Reason to come …")


def test_quoted_words_are_found_in_the_talk(page: Page) -> None:
    ask(page)
    quote, found = first_quote(page)
    words = quote.inner_text().strip("\u2018\u2019")
    assert words.lower() in {mark.lower() for mark in found}
    quote.click()
    expect(page.get_by_role("status")).to_have_text(re.compile(f"^“{re.escape(words)}”: place 1 of \\d+$"))
    expect(page.locator("mark.here")).to_have_text(re.compile(re.escape(words), re.IGNORECASE))
    expect(page.locator("mark.here")).to_be_in_viewport()


def test_a_long_talk_has_its_parts(page: Page) -> None:
    ask(page, LONG_TALK)
    parts = page.get_by_role("navigation", name="Parts of the transcript").get_by_role("button")
    expect(parts).to_have_text(["Whole talk", "Part 1", "Part 2", "Part 3"])
    parts.nth(2).click()
    expect(parts.nth(2)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#transcript p.aside")).to_have_count(2)
    expect(page.locator("#transcript p.aside mark")).to_have_count(0)


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    """From the address bar: text, send, and from the result on to a quote and its place."""
    page.keyboard.press("Tab")
    page.keyboard.insert_text(TALK)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    wait_for_feedback(page)
    expect(page.get_by_role("heading", name="Feedback", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".quote").first).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("mark.here")).to_be_in_viewport()


def test_control_enter_sends_from_the_text(page: Page) -> None:
    page.get_by_role("textbox", name="Transcript").fill(TALK)
    page.keyboard.press("Control+Enter")
    wait_for_feedback(page)


def test_it_fits_a_telephone(page: Page) -> None:
    page.set_viewport_size(NARROW)
    ask(page, LONG_TALK)
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    quote, _ = first_quote(page)
    quote.click()
    expect(page.locator("mark.here")).to_be_in_viewport()
    page.get_by_role("button", name="Back to").click()
    expect(quote).to_be_focused()
    expect(quote).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_accessibility_rules_find_nothing(page: Page, scheme: str, size: dict[str, int]) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size(size)  # type: ignore[arg-type]
    assert violations(page) == []
    ask(page, LONG_TALK)
    page.locator(".quote").first.click()
    assert violations(page) == []


def test_a_dropped_file_is_taken(page: Page, tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text(TALK)
    (tmp_path / "talk.srt").write_text(f"1\n00:00:01,000 --> 00:00:09,000\n{TALK}\n")
    (tmp_path / "talk.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    page.locator("#file").set_input_files(tmp_path / "talk.txt")
    expect(page.get_by_role("textbox", name="Transcript")).to_have_value(TALK, timeout=PATIENCE)
    page.get_by_role("textbox", name="Transcript").fill("")
    page.locator("#file").set_input_files(tmp_path / "talk.srt")
    expect(page.get_by_role("textbox", name="Transcript")).to_have_value(TALK, timeout=PATIENCE)
    page.locator("#file").set_input_files(tmp_path / "talk.png")
    expect(page.get_by_role("alert")).to_have_text(
        re.compile("^Talk.png holds no transcript: this is a picture"), timeout=PATIENCE
    )
    drop = """text => {
        const data = new DataTransfer();
        data.items.add(new File([text], "dropped.txt", { type: "text/plain" }));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
    }"""
    page.evaluate(drop, f"{TALK} Dropped.")
    expect(page.get_by_role("textbox", name="Transcript")).to_have_value(f"{TALK} Dropped.", timeout=PATIENCE)


def test_text_is_never_taken_for_markup(page: Page) -> None:
    evil = f'{TALK} <img src=x onerror="document.title=1"> <script>document.title=2</script>'
    ask(page, evil)
    expect(page.get_by_role("region", name="What was said")).to_have_text(evil)
    assert page.locator("#transcript img, #transcript script").count() == 0


def test_quotes_are_found_as_evidence_is(page: Page) -> None:
    """Case, space and kinds of quotation marks do not count; whole words do, and words may be left out."""
    find = """async ([quote, text]) => {
        const { findQuote, fold } = await import("/quotes.js");
        return findQuote(quote, fold(text)).map(([start, end]) => text.slice(start, end));
    }"""
    cases = [
        ("um", "Um, umbrella, um. Humm um", ["Um", "um", "um"]),
        ("You  know", "well, you\nknow, you know", ["you\nknow", "you know"]),
        ("it's", "It\u2019s fine", ["It\u2019s"]),
        ("we keep … ahead", "we keep on and come out ahead", ["we keep", "ahead"]),
        ("école", "l'école ÉCOLE écoles", ["école", "ÉCOLE"]),
        ("İstanbul", "In İstanbul, 🎉 İstanbul", ["İstanbul", "İstanbul"]),
        ("...", "well ... well", []),
        ("never", "well", []),
    ]
    assert [(quote, text, page.evaluate(find, [quote, text])) for quote, text, _ in cases] == cases


def test_quoted_words_are_told_from_a_reason(page: Page) -> None:
    """Marks of any kind, as feedback_model/scoring/quotes.py reads them; the page shows them as they are written."""
    split = """async (reason) => {
        const { splitQuotes } = await import("/quotes.js");
        return splitQuotes(reason).filter((each) => each.quote).map((each) => each.quote);
    }"""
    cases = [
        ('often \u2018um\u2019 and \u201cyou know\u201d, not "uh"', ["um", "you know", "uh"]),
        ("\u2018I don\u2019t\u2019 and \u2018\u2019cause\u2019 isn't clear", ["I don\u2019t", "\u2019cause"]),
        ("It isn't clear and wasn't; \"\" is nothing", []),
    ]
    assert [(reason, page.evaluate(split, reason)) for reason, _ in cases] == cases


def test_without_the_link_it_stays_shut(context: BrowserContext, served: Served) -> None:
    page = context.new_page()
    page.goto(f"http://{served.address}/")
    expect(page.get_by_role("heading")).to_have_text("This page opens by its link")
    assert violations(page) == []


def test_the_next_text_is_asked_about_by_one_click(page: Page) -> None:
    """The button stays where it is when the text is left; until the answer is there the former one is dimmed."""
    ask(page)
    text = page.get_by_role("textbox", name="Transcript")
    text.click()
    text.fill(f"{TALK} And thank you.")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/v1/feedback", hold_the_first)
    with page.expect_request("**/v1/feedback") as asked:
        page.get_by_role("button", name="Give feedback").click()
    expect(page.locator("#result")).to_have_class(re.compile("stale"))
    assert "And thank you." in (asked.value.post_data or "")
    held[0].continue_()
    wait_for_feedback(page)
    expect(page.locator("#result")).not_to_have_class(re.compile("stale"))


def test_refusals_are_told_on_the_page(context: BrowserContext, served: Served) -> None:
    page = context.new_page()
    page.goto(served.link)
    page.get_by_role("textbox", name="Transcript").fill("Hello")
    page.get_by_role("button", name="Give feedback").click()
    expect(page.get_by_role("alert")).to_have_text("The text cannot be judged: 1 word; at least 20 are needed.")
    expect(page.get_by_role("button", name="Give feedback")).to_be_enabled()
    ask(page)
    expect(page.locator("#problem")).to_be_empty()


def test_a_stopped_server_is_told(context: BrowserContext, served: Served) -> None:
    page = context.new_page()
    page.goto(served.link)
    page.get_by_role("textbox", name="Transcript").fill(TALK)
    context.set_offline(True)
    page.get_by_role("button", name="Give feedback").click()
    expect(page.get_by_role("alert")).to_have_text("The server cannot be reached; it may have been stopped.")
