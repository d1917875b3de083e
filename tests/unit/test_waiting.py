"""A wait is told once, then ever more rarely, with whom it is for and the way out."""

from queue import SimpleQueue

from feedback_model.waiting import Wait, Waiting, duration, telling_waits, waiting_for


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def told_after(*seconds: float) -> list[str]:
    """The lines of a wait that looks when so many seconds have passed."""
    told, clock = list[Wait](), Clock()
    with telling_waits(told.append, clock=clock):
        waiting = Waiting("another process that lands files", "end it", lambda: "process 7")
        for each in seconds:
            clock.now = 100.0 + each
            waiting.look()
    return [str(wait) for wait in told]


def test_a_short_wait_is_not_told():
    assert told_after(0.2, 0.9) == []


def test_a_wait_names_whom_and_the_way_out():
    assert told_after(3) == ["waiting for another process that lands files (process 7), 3 s so far; end it"]


def test_a_long_wait_is_told_ever_more_rarely():
    lines = told_after(*range(3600))
    assert [line.split(", ")[1] for line in lines[:5]] == [
        f"{each} so far; end it" for each in ("1 s", "3 s", "7 s", "15 s", "31 s")
    ]
    assert 10 < len(lines) < 20


def test_many_waits_for_one_thing_are_one():
    told, clock = list[Wait](), Clock()
    with telling_waits(told.append, clock=clock):
        crowd = [Waiting("the endpoint", "stop") for _ in range(100)]
        clock.now += 2
        for waiting in crowd:
            waiting.look()
    assert len(told) == 1


def test_a_call_that_blocks_is_told():
    told = SimpleQueue[Wait]()
    with telling_waits(told.put, first=0.0), waiting_for("the hub", "stop"):
        assert told.get(timeout=60).what == "the hub"


def test_durations_are_rounded_for_people():
    seconds = (1.2, 89, 100, 300, 3_599, 7_200, 7_500)
    assert [duration(each) for each in seconds] == ["1 s", "89 s", "2 min", "5 min", "1 h", "2 h", "2 h 5 min"]
