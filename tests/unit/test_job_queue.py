"""The queue between the event loop and the model's thread."""

from concurrent.futures import Future

import pytest

from feedback_model.errors import Interrupted
from feedback_model.serving.job_queue import Job, JobQueue
from feedback_model.serving.model_worker import split_by_tokens
from feedback_model.serving.request_errors import RequestError


def texts_of(jobs):
    return [job.text for job in jobs]


def test_what_waits_is_taken_in_its_order():
    queue = JobQueue(8)
    queue.submit(["a", "b"], None)
    queue.submit(["c"], None)
    assert texts_of(queue.take(2)) == ["a", "b"]
    assert texts_of(queue.take(2)) == ["c"]


def test_a_batch_is_asked_in_one_way():
    """What is to be asked like the first is taken together, past what is not."""
    queue = JobQueue(8)
    for text, decoding in (("a", None), ("b", "direct"), ("c", None)):
        queue.submit([text], decoding)
    assert texts_of(queue.take(8)) == ["a", "c"]
    assert texts_of(queue.take(8)) == ["b"]


def test_ways_of_asking_take_turns():
    queue = JobQueue(8)
    for text, decoding in (("a", "template"), ("b", "template"), ("c", "template"), ("d", "direct")):
        queue.submit([text], decoding)
    assert [texts_of(queue.take(2)) for _ in range(3)] == [["a", "b"], ["d"], ["c"]]


def test_a_request_is_taken_whole_or_not_at_all():
    queue = JobQueue(3)
    queue.submit(["a", "b"], None)
    with pytest.raises(RequestError) as refused:
        queue.submit(["c", "d"], None)
    assert (refused.value.status, refused.value.retry_after, len(queue)) == (429, 5, 2)


def test_a_request_beyond_the_queue_never_fits():
    with pytest.raises(RequestError, match="4 pieces, of which at most 3") as refused:
        JobQueue(3).submit(["a"] * 4, None)
    assert refused.value.status == 413


@pytest.mark.parametrize(("seconds", "wait"), [(0.1, 1), (2.0, 6), (600.0, 60)])
def test_the_refused_are_told_when_to_return(seconds, wait):
    queue = JobQueue(3)
    queue.note_speed("free", 4, 4 * seconds)
    queue.submit(["a"] * 3, None)
    with pytest.raises(RequestError, match=f"try again in {wait} s") as refused:
        queue.submit(["b"], None)
    assert refused.value.retry_after == wait


def test_nobody_waits_longer_than_is_asked_of_them():
    """Where a text takes two seconds, and ten may be waited, six are in line at most; another way of asking counts as it is."""
    queue = JobQueue(64, longest_wait=10.0)
    queue.note_speed("free", 1, 2.0)
    queue.note_speed("direct", 1, 0.1)
    queue.submit(["slow"] * 5, None)
    queue.submit(["quick"], "direct")
    with pytest.raises(
        RequestError, match="the model is busy for 10 s with what was asked before; try again in 11 s"
    ) as refused:
        queue.submit(["late"], "direct")
    assert refused.value.status == 429


def test_batch_takes_half_of_the_patience_at_most():
    queue = JobQueue(64, longest_wait=10.0)
    queue.submit(["a"] * 8, None)
    queue.note_speed("free", 1, 2.0)
    assert texts_of(queue.take(64)) == ["a"] * 2
    queue.note_speed("free", 1, 1_000.0)
    assert texts_of(queue.take(64)) == ["a"]


def test_few_wait_for_a_way_whose_speed_is_unknown():
    """The first is asked alone, and then it is known."""
    queue = JobQueue(64, longest_wait=10.0)
    queue.own_way = "template"
    for text in "abcde":
        queue.submit([text], None)
    with pytest.raises(RequestError, match="the model is busy"):
        queue.submit(["f"], "template")
    assert texts_of(queue.take(64)) == ["a"]
    queue.note_speed("template", 1, 0.1)
    queue.submit(["f"] * 30, "template")
    assert len(queue) == 34


def test_long_request_is_taken_where_nobody_waits():
    """Its length is its own affair, up to what there is room for."""
    queue = JobQueue(64, longest_wait=10.0)
    queue.note_speed("free", 1, 2.0)
    assert len(queue.submit(["part"] * 64, None)) == 64


def test_who_leaves_frees_a_place():
    queue = JobQueue(2)
    left, stayed = queue.submit(["a", "b"], None)
    queue.withdraw([left])
    queue.submit(["c"], None)
    assert texts_of(queue.take(8)) == ["b", "c"]
    assert not stayed.answer.cancelled()


def test_what_is_being_answered_cannot_be_withdrawn():
    queue = JobQueue(2)
    queue.submit(["a"], None)
    (job,) = queue.take(1)
    assert job.answer.set_running_or_notify_cancel()
    queue.withdraw([job])
    assert not job.answer.cancelled()


def test_a_closed_queue_is_emptied_first():
    queue = JobQueue(2)
    queue.submit(["a"], None)
    queue.close()
    with pytest.raises(RequestError, match="stopping"):
        queue.submit(["b"], None)
    assert texts_of(queue.take(8)) == ["a"]
    assert queue.take(8) is None


def test_what_a_dead_model_leaves_is_told():
    queue = JobQueue(2)
    first, second = queue.submit(["a", "b"], None)
    queue.withdraw([first])
    queue.close(Interrupted("stopped"))
    assert isinstance(second.answer.exception(), Interrupted)
    assert queue.take(8) is None


def test_waking_brings_no_text():
    queue = JobQueue(2)
    queue.submit(["a"], None)
    queue.wake()
    assert queue.take(8) == []
    assert texts_of(queue.take(8)) == ["a"]


@pytest.mark.parametrize(
    ("lengths", "batches"),
    [
        ([], []),
        ([5], [[5]]),
        ([50], [[50]]),
        ([5, 5, 5, 5], [[5, 5, 5, 5]]),
        ([5, 5, 5, 5, 5], [[5, 5, 5, 5], [5]]),
        ([1, 1, 10, 1, 1, 1], [[1, 1], [10, 1], [1, 1]]),
        ([50, 1, 50], [[50], [1], [50]]),
    ],
)
def test_padded_batches_stay_within_the_limit(lengths, batches):
    jobs = [(Job("", None, Future()), length) for length in lengths]
    assert [[length for _, length in batch] for batch in split_by_tokens(jobs, 20)] == batches
