"""The decoders: free answers are the reference's token for token, scores are what each branch alone would give."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from feedback_model.errors import CannotBeAsked
from feedback_model.inference.forward import fused_forward
from feedback_model.inference.generators import make_generator
from feedback_model.inference.reference import ReferenceGenerator
from feedback_model.inference.side_by_side import SideBySide
from feedback_model.inference.template import SILENCE, ExplanationTokens, unescape
from feedback_model.parsing import judge
from feedback_model.training.encoding import ChatEncoder
from feedback_model.training.loading import load_tokenizer
from feedback_model.traits import TRAIT_KEYS
from tests.integration.model.test_objective import FAST, OF_ITS_OWN, adapted

TEXTS = ["Short.", "Um, so, I was thinking, you know, that we could go there. " * 6, "Good evening to all of you.", "x"]
TEXTS += [f"Talk number {number} of the evening, and " + "then another point. " * number for number in range(9)]
FUSED = [family for family in FAST if family not in ("Granite", "Cohere", "Gemma")]


@pytest.fixture(scope="module")
def tokenizer(micro_base):
    return load_tokenizer(micro_base)


def a_model(tokenizer, family="Llama", **config):
    model = adapted(
        family, **{**FAST.get(family, {}), **config}, vocab_size=len(tokenizer), max_position_embeddings=4_096
    )
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model.eval()


@pytest.mark.parametrize("family", FUSED)
def test_free_answers_are_the_references(tokenizer, family):
    """Token for token in float32, whatever the lengths, with rows that are refilled."""
    model = a_model(tokenizer, family)
    forward = fused_forward(model.get_base_model())
    own = make_generator("free", forward, model, tokenizer, 24)
    reference = make_generator("free", None, model, tokenizer, 24)
    found, expected = own.generate(TEXTS), reference.generate(TEXTS)
    assert [(each.raw, each.finish_reason, each.n_tokens) for each in found] == [
        (each.raw, each.finish_reason, each.n_tokens) for each in expected
    ]


@pytest.mark.parametrize("decoding", ["free", "template", "direct"])
def test_threads_give_the_same_answers(tokenizer, decoding):
    """Texts divided among threads come back in their order, each with what it gets in one batch."""
    model = a_model(tokenizer)
    alone = make_generator(decoding, fused_forward(model.get_base_model()), model, tokenizer, 24)
    found, expected = SideBySide(alone, 3).generate(TEXTS), alone.generate(TEXTS)
    assert [(each.raw, each.n_tokens) for each in found] == [(each.raw, each.n_tokens) for each in expected]
    for one, other in zip(found, expected, strict=True):
        for mine, theirs in zip(one.distributions or (), other.distributions or (), strict=True):
            assert mine.probabilities == pytest.approx(theirs.probabilities, abs=1e-5)


def test_threads_do_not_mix_their_prompts(tokenizer):
    """What one thread says of special tokens, or cuts, changes no prompt of another."""
    special = tokenizer.convert_ids_to_tokens(tokenizer.eos_token_id)
    texts = [*TEXTS, f"She said {special} and went on.", f"{special} " * 3]
    encoder = ChatEncoder(tokenizer)
    limits = [len(encoder.prompt_ids(["One two three."])[0])] * len(texts)
    expected = encoder.encode_prompts(texts, limits, "")
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda _: encoder.encode_prompts(texts, limits, ""), range(30)))
    assert all(each == expected for each in found)


def test_a_short_window_takes_the_slow_way(tokenizer):
    """The fast pass sees all that was before, and a window does not."""
    model = a_model(tokenizer, "Mistral", sliding_window=32)
    forward = fused_forward(model.get_base_model())
    assert forward is None or forward.reads == 32
    assert isinstance(make_generator("free", forward, model, tokenizer, 24), ReferenceGenerator)
    with pytest.raises(CannotBeAsked):
        make_generator("template", forward, model, tokenizer, 24)


@pytest.mark.parametrize(
    ("cut", "said"), [(r"Na\u00", "Na"), ("Na\\", "Na"), (r"C:\\", "C:\\"), (r"na\u00efve", "naïve"), ("", SILENCE)]
)
def test_half_an_escape_is_dropped(tokenizer, cut, said):
    ids = tokenizer(cut, add_special_tokens=False)["input_ids"]
    assert ExplanationTokens(tokenizer, frozenset()).explanation(ids) == said


@pytest.mark.parametrize("family", OF_ITS_OWN)
def test_models_of_another_kind_have_no_fast_pass(tokenizer, family):
    model = a_model(tokenizer, family, **OF_ITS_OWN[family])
    assert family == "Mistral" or fused_forward(model.get_base_model()) is None


def test_adapters_are_swapped(tokenizer):
    """The pass computes with the adapters of today, and without any once they are gone."""
    model = a_model(tokenizer)
    causal = model.get_base_model()
    forward = fused_forward(causal)
    generator = make_generator("direct", forward, model, tokenizer, 24)
    before = generator.generate(TEXTS[:1])[0].distributions
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.mul_(-2)
    forward.use_adapters(causal)
    assert generator.generate(TEXTS[:1])[0].distributions != before


def test_scores_are_what_each_branch_gives(tokenizer):
    """Distributions read in one pass are those of the model's own pass over each branch, one after the other."""
    model = a_model(tokenizer)
    encoder = ChatEncoder(tokenizer)
    spelling = encoder.branches.spelling
    found = make_generator("direct", fused_forward(model.get_base_model()), model, tokenizer, 24).generate(TEXTS)
    for text, output in zip(TEXTS[:3], found, strict=False):
        (prompt,) = encoder.prompt_ids([text])
        for branch, distribution in zip(encoder.branches.traits, output.distributions, strict=True):
            first = next_logits(model, [*prompt, *branch.opening])[:, list(spelling.first)]
            second = [
                next_logits(model, [*prompt, *branch.opening, token])[:, list(spelling.second(token))]
                for token in spelling.open
            ]
            expected = spelling.log_probabilities(first, second).exp()[0].tolist()
            assert distribution.probabilities == pytest.approx(expected, abs=1e-5)


@torch.no_grad()
def next_logits(model, ids):
    return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1:]


def test_template_answers_are_valid_and_conditioned(tokenizer):
    """An untrained model's answers are valid, their scores the direct ones, each explanation what follows its own score."""
    model = a_model(tokenizer)
    forward = fused_forward(model.get_base_model())
    found = make_generator("template", forward, model, tokenizer, 60).generate(TEXTS)
    direct = make_generator("direct", forward, model, tokenizer, 60).generate(TEXTS)
    for one, other in zip(found, direct, strict=True):
        assert judge(one.raw, one.finish_reason).tier == "strict"
        said = json.loads(one.raw)
        assert [said[key]["score"] for key in TRAIT_KEYS] == [each.score for each in other.distributions]
    alone = make_generator("template", forward, model, tokenizer, 60).generate(TEXTS[1:2])
    assert alone[0].raw == found[1].raw


@given(st.text())
def test_any_words_become_an_explanation(text):
    """Whatever stands between two quotes becomes text that JSON can hold."""
    said = unescape(text)
    assert json.loads(json.dumps({"said": said or SILENCE}, ensure_ascii=False).encode())["said"] == (said or SILENCE)
