"""Chunks are small at first, keep the order, and of a stream hold what is there."""

from queue import Queue

import pytest

from feedback_model.errors import InputError, Interrupted
from feedback_model.progress import request_stop
from feedback_model.scoring.chunks import arriving_chunks, growing_chunks


def test_first_chunks_are_small_and_none_is_large():
    assert [len(chunk) for chunk in growing_chunks(iter(range(20)), 8)] == [1, 2, 4, 8, 5]


def test_nothing_is_read_before_it_is_due():
    read = []
    found = (read.append(number) or number for number in range(9))
    assert next(growing_chunks(found, 8)) == [0]
    assert read == [0]


def test_senders_who_wait_for_answers_get_them():
    """Each piece is handed on although the next is only sent when the first was answered."""
    sent = Queue()
    chunks = arriving_chunks(iter(sent.get, None), 8)
    for number in range(3):
        sent.put(number)
        assert next(chunks) == [number]
    sent.put(None)
    assert list(chunks) == []


def test_first_answers_of_a_stream_are_soon():
    """Also where all of it has arrived before the model was loaded."""
    assert len(next(arriving_chunks(iter(range(50)), 100))) == 1


@pytest.mark.parametrize("at_most", [1, 7, 100])
def test_a_stream_loses_nothing(at_most):
    chunks = list(arriving_chunks(iter(range(50)), at_most))
    assert [number for chunk in chunks for number in chunk] == list(range(50))
    assert max(map(len, chunks)) <= at_most


def test_errors_of_a_stream_come_behind_its_pieces():
    def found():
        yield 1
        raise InputError("the sender is broken")

    chunks = arriving_chunks(found(), 8)
    assert next(chunks) == [1]
    with pytest.raises(InputError, match="the sender is broken"):
        list(chunks)


def test_waiting_for_a_sender_can_be_stopped():
    sent = Queue()
    chunks = arriving_chunks(iter(sent.get, None), 8)
    request_stop()
    with pytest.raises(Interrupted):
        next(chunks)
    sent.put(None)
