"""Promises of the faults that the embedded endpoint can be asked for."""

import random

from feedback_model.embedded.faults import Faults, RateLimit, choose_fault


def test_nothing_goes_wrong_unless_asked():
    random_ = random.Random(1)
    assert {choose_fault(Faults(), random_) for _ in range(200)} == {None}


def test_faults_occur_at_about_their_rates():
    random_ = random.Random(1)
    drawn = [choose_fault(Faults(server_error_rate=0.2, refusal_rate=0.1), random_) for _ in range(4000)]
    assert 0.17 < drawn.count("server_error") / 4000 < 0.23
    assert 0.08 < drawn.count("refusal") / 4000 < 0.12
    assert set(drawn) == {None, "server_error", "refusal"}


def test_limit_admits_one_second_at_once_and_says_how_long_to_wait():
    limit = RateLimit(per_minute=300)
    waits = [limit.admit() for _ in range(6)]
    assert waits[:5] == [0.0] * 5
    assert 0 < waits[5] <= 0.2


def test_no_limit_admits_everything():
    limit = RateLimit(per_minute=0)
    assert not any(limit.admit() for _ in range(1000))
