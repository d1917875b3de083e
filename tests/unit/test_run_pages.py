"""Pages of a run: what landed, what it cost, why it was retrained or not; and what its log leaves out."""

import logging

import pytest

from deployments.local.run_log import is_told
from eval.report.run_pages import cost_markdown, landed_markdown, phrase_labels, retrained_markdown, waits_markdown
from feedback_model.errors import MissingStage
from feedback_model.records.labels import LabellingCost
from feedback_model.records.landed import LandedData, WordCounts
from feedback_model.records.retraining import RetrainingDecision
from tasks.links import run_form_link

LANDED = LandedData(
    n_landings=2,
    n_documents=3,
    splits={"train": 40, "test": 5},
    words=WordCounts(4_500, 58, 100.0, 114),
    n_known=1,
    n_duplicate=2,
    n_refused=4,
    refused={"too_short": 3, "broken_json": 1},
    languages={"en": 40, None: 5},
)


def test_data_quality_says_what_cannot_be_used() -> None:
    page = landed_markdown(LANDED)
    assert page.startswith("**45 new transcripts in 2 landings; 4 records refused**")
    assert "| New transcripts | 45: 40 train, 0 validation, 5 test |" in page
    assert "| Words | 4,500; 100 in a transcript on average, 58 to 114 |" in page
    assert "| Languages, as the files say | 40 en, 5 not told |" in page
    assert "| Refused | 4: 3 `too_short`, 1 `broken_json` |" in page


def test_a_price_that_is_not_known_is_not_zero() -> None:
    costs = [
        LabellingCost("label", "some-model", 3, 30, 0, 9, None),
        LabellingCost("relabel", "m", 2, 20, 5, 6, 0.0123),
    ]
    page = cost_markdown("3 new labels", costs)
    assert "| labels | some-model | 3 | 30 | 0 | 9 | \N{EN DASH} |" in page
    assert "| **in all** |  | 5 |  |  |  | **0.0123** |" in page
    assert cost_markdown("", costs[:1]).count("**\N{EN DASH}**") == 1


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((0, 0, 0.0), "no label was missing"),
        ((60, 0, 0.0), "60 new labels at no cost"),
        ((60, 2, 0.5), "60 new labels for 0.5000 USD; 2 transcripts were given up, see the view label_progress"),
        ((1_000, 0, None), "1,000 new labels at a price that is not known"),
    ],
)
def test_labels_are_told_with_their_price(counts: tuple[int, int, float | None], said: str) -> None:
    assert phrase_labels(*counts) == said


def test_a_retraining_is_told_with_its_reason() -> None:
    begun = RetrainingDecision("retrain", "new_data", "45 new transcripts in 2 landings")
    assert retrained_markdown(begun, "promote epoch-2", ["[The report](/r)"]) == (
        "**Retrained**: 45 new transcripts in 2 landings.\n\n**promote epoch-2**\n\n- [The report](/r)\n"
    )
    waiting = RetrainingDecision("wait", "nothing_new", "nothing new to train on")
    assert waits_markdown(waiting, []) == "**Not retrained**: nothing new to train on.\n"


def test_the_link_to_a_form_is_one_word() -> None:
    link = run_form_link("d1", {"base_model": "a b/c", "at_once": True})
    assert (
        link
        == "/v2/deployments/deployment/d1/run?parameters=%7B%22base_model%22%3A%22a%20b/c%22%2C%22at_once%22%3Atrue%7D"
    )


def a_line(message: str, error: Exception | None = None) -> logging.LogRecord:
    told = (type(error), error, None) if error else None
    return logging.LogRecord("prefect.task_runs", logging.ERROR, "", 0, message, (), told)


def test_that_a_task_ended_well_is_no_news() -> None:
    assert not is_told(a_line("Finished in state Completed()"))
    assert is_told(a_line("Finished in state Failed('...')"))


def test_an_error_of_ours_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FEEDBACK_TRACEBACK", raising=False)
    line = a_line("Encountered exception during execution: ...", MissingStage("run `feedback train` first"))
    assert is_told(line)
    assert (line.getMessage(), line.exc_info) == ("run `feedback train` first", None)
    unexpected = a_line("Encountered exception", KeyError("x"))
    assert is_told(unexpected)
    assert unexpected.exc_info
