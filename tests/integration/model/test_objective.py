"""The fast objective: loss and gradients of a model's own forward pass, for the families of models that people fine-tune."""

import random

import pytest
import torch
import transformers

from feedback_model.training.attention import SegmentAttention, masked_attention
from feedback_model.training.branches import ROOT
from feedback_model.training.collate import Segment, Segments, collate, micro_batches
from feedback_model.training.encoding import EncodedExample
from feedback_model.training.memory import kept_bytes
from feedback_model.training.objective import OwnObjective, SharedObjective, choose_objective
from feedback_model.training.qlora import attach_adapters, trainable_parameters
from tests.micro_model import a_recipe

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
}
FAST = {
    "Llama": {},
    "Qwen2": {},
    "Qwen3": {"head_dim": 8},
    "Mistral": {"sliding_window": None},
    "Granite": {"logits_scaling": 8.0, "residual_multiplier": 0.3, "embedding_multiplier": 12.0},
    "Cohere": {"logit_scale": 0.0625},
    "Gemma": {"head_dim": 8},
}
OF_ITS_OWN = {
    "Gemma2": {"head_dim": 8, "final_logit_softcapping": 2.0, "attn_logit_softcapping": 5.0},
    "Mistral": {"sliding_window": 4},
}


def adapted(family: str, **config):
    """Build a random model of a family, with adapters that are not zero."""
    torch.manual_seed(0)
    made = getattr(transformers, f"{family}Config")(**{**SIZES, **config})
    model = getattr(transformers, f"{family}ForCausalLM")(made).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    model = attach_adapters(model, a_recipe())
    with torch.no_grad():
        for parameter in trainable_parameters(model):
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def some_encoded(count: int = 5, prefix: int = 7) -> list[EncodedExample]:
    drawn = random.Random(1)
    beginning = [drawn.randrange(2, 97) for _ in range(prefix)]
    tokens = lambda low, high: [drawn.randrange(2, 97) for _ in range(drawn.randint(low, high))]  # noqa: E731
    return [EncodedExample((*beginning, *tokens(2, 20)), tuple(tokens(3, 12))) for _ in range(count)]


def gradients(model, objective, pieces, examples):
    model.zero_grad()
    total = 0.0
    for piece in pieces:
        loss = objective(collate([examples[index] for index in piece], objective.prefix, "cpu")).minimised
        loss.backward()
        total += loss.item()
    return total, [parameter.grad.clone() for parameter in trainable_parameters(model)]


@pytest.mark.parametrize("family", FAST)
@pytest.mark.parametrize("budget", [1, 40, 1_000])
def test_shared_rows_give_the_models_own_gradients(family, budget):
    """Whatever the micro-batches, loss and gradients are those of the model's own pass over each example alone, to 1e-5."""
    model, examples = adapted(family, **FAST[family]), some_encoded()
    own_loss, own = gradients(model, OwnObjective(model), [[at] for at in range(len(examples))], examples)
    objective = choose_objective(model, examples, 0.0, "cpu")
    assert isinstance(objective, SharedObjective)
    assert objective.prefix == 7
    pieces = micro_batches([len(each) for each in examples], objective.prefix, budget)
    loss, found = gradients(model, objective, pieces, examples)
    assert loss == pytest.approx(own_loss, rel=1e-5)
    for one, other in zip(found, own, strict=True):
        assert (one - other).norm() <= 1e-5 * max(1.0, float(other.norm()))


@pytest.mark.parametrize("family", OF_ITS_OWN)
def test_models_of_another_kind_keep_their_pass(family):
    """A model that caps or windows its attention is trained by its own forward pass, and says so."""
    model, examples = adapted(family, **OF_ITS_OWN[family]), some_encoded()
    before = gradients(model, OwnObjective(model), [[at] for at in range(len(examples))], examples)
    objective = choose_objective(model, examples, 0.0, "cpu")
    assert isinstance(objective, OwnObjective)
    after = gradients(model, objective, [[at] for at in range(len(examples))], examples)
    assert after[0] == before[0]


WINDOWED = {
    "Mistral": {"sliding_window": 256},
    "Qwen3": {
        "head_dim": 8,
        "sliding_window": 256,
        "use_sliding_window": True,
        "layer_types": ["full_attention", "sliding_attention"],
    },
}


def examples_of(*lengths):
    drawn = random.Random(2)
    prompts = [[5, 6, *(drawn.randrange(7, 97) for _ in range(length - 9))] for length in lengths]
    return [EncodedExample(tuple(prompt), tuple(range(10, 17))) for prompt in prompts]


@pytest.mark.parametrize("family", WINDOWED)
@pytest.mark.parametrize(("longest", "shared"), [(150, True), (240, False), (400, False)])
def test_one_example_beyond_the_window_decides(family, longest, shared):
    """Also one that reaches beyond it only by what a row is filled up with."""
    model, examples = (
        adapted(family, max_position_embeddings=1024, **WINDOWED[family]),
        examples_of(40, 44, longest, 42),
    )
    objective = choose_objective(model, examples, 0.0, "cpu")
    assert objective.packs == shared
    for example in examples:
        objective(collate([example], objective.prefix, "cpu")).minimised.backward()


@pytest.mark.parametrize(("longest", "shared"), [(48, True), (300, False)])
def test_the_longest_example_is_compared_too(longest, shared):
    """Some models scale positions otherwise beyond a length, which the shortest examples do not show."""
    rope = {"rope_type": "longrope", "rope_theta": 10_000.0, "short_factor": [1.0] * 4, "long_factor": [9.0] * 4}
    model = adapted("Phi3", rope_parameters=rope, max_position_embeddings=512, original_max_position_embeddings=128)
    assert choose_objective(model, examples_of(40, 44, 42, longest), 0.0, "cpu").packs == shared


def test_own_loss_is_the_librarys():
    """The model's own loss is what transformers computes from labels."""
    model, examples = adapted("Llama"), some_encoded(1)
    batch = collate(examples, 0, "cpu")
    ids = torch.tensor([[*examples[0].prompt_ids, *examples[0].answer_ids]])
    labels = torch.tensor([[-100] * len(examples[0].prompt_ids) + list(examples[0].answer_ids)])
    with torch.no_grad():
        mean = model(input_ids=ids, labels=labels).loss
        own = OwnObjective(model)(batch).answers
    assert float(own) == pytest.approx(float(mean) * len(examples[0].answer_ids), rel=1e-5)


def test_attention_under_a_mask_is_the_same():
    """The one pass of a GPU gives what the segments give, gradients included."""
    tree = Segment(16, 20, (9, 12), (ROOT, 0, 0, ROOT))
    segments = Segments(5, (Segment(5, 9), Segment(9, 16), tree))
    shapes = ((4, 20, 8), (2, 20, 8), (2, 20, 8))
    one, other = (
        [torch.randn(shape, generator=torch.Generator().manual_seed(at)) for at, shape in enumerate(shapes)]
        for _ in "ab"
    )
    for tensor in (*one, *other):
        tensor.requires_grad_()
    by_segment = SegmentAttention.apply(*one, segments, 0.3)
    by_mask = masked_attention(*(each.unsqueeze(0) for each in other), segments, 0.3)[0]
    assert torch.allclose(by_segment, by_mask, atol=1e-6)
    for found in (by_segment, by_mask):
        found.square().sum().backward()
    assert all(torch.allclose(a.grad, b.grad, atol=1e-5) for a, b in zip(one, other, strict=True))


def test_dropout_shares_no_beginning():
    assert choose_objective(adapted("Llama"), some_encoded(), 0.1, "cpu").prefix == 0


def test_shared_rows_keep_less_memory():
    """A row behind a shared beginning keeps fewer bytes than the examples one by one."""
    model, examples = adapted("Llama"), some_encoded(5, prefix=40)
    own = OwnObjective(model)
    alone = sum(kept_bytes(lambda each=each: own(collate([each], 0, "cpu")).minimised) for each in examples)
    shared = choose_objective(model, examples, 0.0, "cpu")
    assert kept_bytes(lambda: shared(collate(examples, shared.prefix, "cpu")).minimised) < 0.5 * alone
