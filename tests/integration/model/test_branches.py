"""Branches: each trait asked for on its own, all scores in one pass."""

import json
import math
from dataclasses import replace

import pytest
import torch

from feedback_model.feedback import render_feedback
from feedback_model.training.branches import EXPLAINED, ROOT, TokenTree, ancestors, expectation
from feedback_model.training.collate import collate
from feedback_model.training.encoding import ChatEncoder
from feedback_model.training.loading import load_tokenizer
from feedback_model.training.objective import BranchLoss, choose_objective
from feedback_model.traits import SCORES, TRAIT_KEYS
from tests.integration.model.test_objective import adapted
from tests.micro_model import some_examples
from tests.real_tokenizers import real_tokenizer


@pytest.fixture(scope="module", params=["micro", "qwen2_5", "smollm2", "llama3", "llama2", "gemma3", "qwen3"])
def encoder(request):
    if request.param == "micro":
        return ChatEncoder(load_tokenizer(request.getfixturevalue("micro_base")))
    return ChatEncoder(real_tokenizer(request.param))


def test_branches_are_written_as_answers_are(encoder):
    """Opening, score and what follows are the tokens of a JSON object of that trait, for every score."""
    for key, branch in zip(TRAIT_KEYS, encoder.branches.traits, strict=True):
        for score, spelling in zip(SCORES, encoder.branches.spelling.spellings, strict=True):
            text = json.dumps({key: {"score": score, "explanation": "No case is made."}})
            (whole,) = encoder._verbatim_ids([text])
            begun = [*branch.opening, *spelling, *branch.middle]
            assert whole[: len(begun)] == begun
            assert whole[len(branch.opening) + len(spelling)] == encoder.branches.spelling.following


def test_the_first_branch_begins_a_whole_answer(encoder):
    example = some_examples(1)[0]
    opening = encoder.branches.traits[0].opening
    assert encoder._verbatim_ids([render_feedback(example.feedback)])[0][: len(opening)] == list(opening)


def test_chances_of_scores_are_those_of_their_tokens(encoder):
    """Ten against one is told by the token behind it, and all ten add up to one."""
    spelling = encoder.branches.spelling
    chances = {token: at + 1.0 for at, token in enumerate(spelling.first)}
    first = torch.tensor([[math.log(chances[token]) for token in spelling.first]])
    second = [
        torch.tensor([[math.log(3.0 if t == spelling.following else 1.0) for t in spelling.second(token)]])
        for token in spelling.open
    ]
    found = spelling.log_probabilities(first, second).exp()[0]
    assert float(found.sum()) == pytest.approx(1)
    if spelling.open:
        one, ten = found[0], found[9]
        assert float(one / ten) == pytest.approx(3)
    assert float(expectation(found.log().unsqueeze(0))) == pytest.approx(
        sum(s * float(p) for s, p in zip(SCORES, found, strict=True)), rel=1e-5
    )


def test_tokens_of_a_tree_see_their_ancestors():
    tree = TokenTree((), ()).grown([5, 6], ROOT).grown([7], 0).grown([8, 9], ROOT)
    assert tree.parents == (ROOT, 0, 0, ROOT, 3)
    assert tree.depths == (0, 1, 1, 0, 1)
    seen = [{0}, {0, 1}, {0, 2}, {3}, {3, 4}]
    assert [set(row.nonzero().flatten().tolist()) for row in ancestors(tree.parents)] == seen


def test_a_third_of_the_branches_is_explained(micro_base):
    encoder = ChatEncoder(load_tokenizer(micro_base))
    encoded = encoder.encode_examples(some_examples(3), 10_000, branched=True)
    whole = encoder.branches.traits[0].middle[-1]
    explained = [sum(target == whole for target in each.branches.targets) for each in encoded]
    assert all(count >= EXPLAINED for count in explained)


def test_soft_labels_move_the_expected_score_alone(micro_base):
    """The words that are taught stay the label's; what its mean is compared with is what the labeller held likely."""
    encoder, (example,) = ChatEncoder(load_tokenizer(micro_base)), some_examples(1)
    means = (1.5, 2.25, 3.5, 4.0, 5.5, 6.75)
    (hard,), (soft,) = (
        encoder.encode_examples([each], 10_000, branched=True) for each in (example, replace(example, expected=means))
    )
    assert hard.branches.scores == tuple(map(float, example.scores))
    assert replace(soft.branches, scores=hard.branches.scores) == hard.branches
    taught = collate([soft], 0, "cpu").taught_scores.scores
    assert taught.tolist() == list(means)


def _by_way(model, encoded, branches):
    """The loss of branches by the model's own pass over each way of the tree, one after the other."""
    total, squares = 0.0, 0.0
    spelling = branches.spelling
    for each in encoded:
        tree = each.branches.tree

        def logits_behind(at, tree=tree, each=each):
            way = [at]
            while tree.parents[way[0]] != ROOT:
                way.insert(0, tree.parents[way[0]])
            ids = [*each.prompt_ids, *(tree.ids[token] for token in way)]
            return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]

        for at, target in zip(each.branches.predicts, each.branches.targets, strict=True):
            total = total - logits_behind(at).log_softmax(-1)[target]
        for begun, behind, score in zip(
            each.branches.asked.begun, each.branches.asked.behind, each.branches.scores, strict=True
        ):
            first = logits_behind(begun)[list(spelling.first)].unsqueeze(0)
            second = [
                logits_behind(at)[list(spelling.second(token))].unsqueeze(0)
                for at, token in zip(behind, spelling.open, strict=True)
            ]
            squares = squares + (expectation(spelling.log_probabilities(first, second)) - score).square().sum()
    return branches.weight * total + branches.expectation_weight * squares


def test_branches_teach_what_each_way_alone_would(micro_base):
    """Loss and gradients in one row are those of the model's own pass over every way of every tree."""
    tokenizer = load_tokenizer(micro_base)
    encoder = ChatEncoder(tokenizer)
    encoded = encoder.encode_examples(some_examples(2), 10_000, branched=True)
    branches = BranchLoss(encoder.branches.spelling, 0.7, 0.2)
    model = adapted("Llama", vocab_size=len(tokenizer), max_position_embeddings=2048)
    model.eval()
    own = _by_way(model, encoded, branches)
    own.backward()
    expected = [parameter.grad.clone() for parameter in model.parameters() if parameter.requires_grad]
    model.zero_grad()
    objective = choose_objective(model, encoded, 0.0, "cpu", branches)
    found = objective(collate(encoded, objective.prefix, "cpu"))
    (
        found.minimised
        - objective(collate([each.without_branches() for each in encoded], objective.prefix, "cpu")).minimised
    ).backward()
    assert found.minimised.item() - found.answers.item() == pytest.approx(own.item(), rel=1e-4)
    for one, other in zip((p.grad for p in model.parameters() if p.requires_grad), expected, strict=True):
        assert (one - other).norm() <= 1e-4 * max(1.0, float(other.norm()))
