"""Labelling by real processes: killed in the middle, and two at once."""

from sqlalchemy import func, select

from feedback_model.store.tables import augmentation, label_response
from tests.labelling_rig import bill, count_rows, filled_store, kill_when, settings_for, start_labelling, states
from tests.local_service import HANGS
from tests.openai_rig.process import serving


def test_kill_buys_again_only_what_was_in_flight(tmp_path):
    """A kill loses nothing and buys no more than was in flight again."""
    with serving(delay=0.03) as url:
        settings = settings_for(tmp_path, url, concurrency=8)
        store = filled_store(settings, 150)
        for replies in (20, 60):
            kill_when(start_labelling(settings), url, replies)
        process = start_labelling(settings)
        process.communicate(timeout=HANGS)
        assert process.returncode == 0
        assert states(store) == {("done", None): 150}
        assert count_rows(store)["label"] == len(bill(url)) == 150
        bought_twice = sum(bill(url).values()) - 150
        assert bought_twice <= 2 * settings.label_concurrency


def test_two_processes_at_once_buy_nothing_twice(tmp_path):
    """Two processes at once buy nothing twice and both see all done."""
    with serving(delay=0.01) as url:
        settings = settings_for(tmp_path, url, concurrency=4)
        store = filled_store(settings, 550)
        both = [start_labelling(settings) for _ in range(2)]
        for process in both:
            process.communicate(timeout=HANGS)
            assert process.returncode == 0
            assert states(store) == {("done", None): 550}, "whoever ends first has waited for the other"
        assert set(bill(url).values()) == {1}
        assert len(bill(url)) == 550


def test_killed_augmentation_goes_on_where_it_was(tmp_path):
    """A kill during augmentation is taken up where it was."""
    with serving(delay=0.02) as url:
        settings = settings_for(tmp_path, url, concurrency=8)
        store = filled_store(settings, 200)
        for replies in (203, 215):
            kill_when(start_labelling(settings, augment=True), url, replies)
        process = start_labelling(settings, augment=True)
        process.communicate(timeout=HANGS)
        assert process.returncode == 0
        with store.read() as connection:
            outcomes = dict(connection.execute(select(augmentation.c.outcome, func.count()).group_by("outcome")).all())
            booked = connection.execute(select(func.count()).select_from(label_response)).scalar_one()
        assert outcomes["accepted"] > 0
        assert "pending" not in outcomes
        assert sum(bill(url).values()) <= booked + 2 * settings.label_concurrency
