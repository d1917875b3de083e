"""How many tokens all prompts begin with."""

from hypothesis import given
from hypothesis import strategies as st

from feedback_model.training.encoding import shared_prefix

tokens = st.lists(st.integers(0, 3), min_size=1, max_size=6)


@given(st.lists(tokens, min_size=1, max_size=5), tokens)
def test_all_prompts_begin_with_the_shared_part(endings, start):
    prompts = [[*start, *ending] for ending in endings]
    shared = shared_prefix(prompts)
    assert shared >= len(start)
    assert len({tuple(prompt[:shared]) for prompt in prompts}) == 1


@given(st.lists(tokens, min_size=1, max_size=5))
def test_shared_part_is_the_longest_that_leaves_one(prompts):
    shared = shared_prefix(prompts)
    assert all(shared < len(prompt) for prompt in prompts)
    assert len({tuple(prompt[: shared + 1]) for prompt in prompts}) > 1 or any(
        shared + 1 == len(each) for each in prompts
    )


def test_no_prompts_share_nothing():
    assert shared_prefix([]) == 0
    assert shared_prefix([[1, 2], (1, 2, 3)]) == 1
