"""What the model reads and what the loss sees."""

import unicodedata

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_model.errors import InputError, ModelError
from feedback_model.feedback import Feedback, TraitFeedback, render_feedback
from feedback_model.prompts import render_messages
from feedback_model.records.labels import LabelledTranscript
from feedback_model.records.training import BaseModel
from feedback_model.training.collate import OWN_MULTIPLE, ROW_MULTIPLE, collate
from feedback_model.training.encoding import ChatEncoder
from feedback_model.training.loading import load_tokenizer
from feedback_model.traits import TRAIT_KEYS
from tests.micro_model import an_example, some_examples
from tests.real_tokenizers import real_tokenizer


@pytest.fixture(scope="module", params=["micro", "qwen2_5", "smollm2"])
def tokenizer(request):
    if request.param == "micro":
        return load_tokenizer(request.getfixturevalue("micro_base"))
    return real_tokenizer(request.param)


@pytest.fixture(scope="module")
def encoder(tokenizer):
    return ChatEncoder(tokenizer)


# Qwen2.5 reads composed characters; SmolLM2 has no tokens for bytes that only control and unassigned characters have.
words = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], max_codepoint=0x1FFFF, include_characters="\n\t"),
    min_size=1,
    max_size=30,
).map(lambda text: unicodedata.normalize("NFC", text))
explanations = words.filter(str.strip)


@settings(max_examples=50, deadline=None)
@given(text=words, explanation=explanations, score=st.integers(1, 10))
def test_loss_covers_exactly_answer_and_end_token(tokenizer, encoder, text, explanation, score):
    """The loss covers exactly the answer and its end token."""
    feedback = Feedback(tuple(TraitFeedback(score, explanation) for _ in TRAIT_KEYS))
    (encoded,) = encoder.encode_examples([LabelledTranscript("t", "s", text, "train", "real", feedback)], 10_000)
    batch = collate([encoded], 0, "cpu")
    assert tokenizer.decode(batch.targets) == render_feedback(feedback) + "<|im_end|>"
    assert torch.equal(batch.input_ids[0, batch.predicts + 1], batch.targets)
    assert tokenizer.decode(encoded.prompt_ids) == encoder.prompt(text)


def test_training_reads_the_chat_that_the_template_renders(tokenizer, encoder):
    example = an_example(3)
    (encoded,) = encoder.encode_examples([example], 10_000)
    answer = {"role": "assistant", "content": render_feedback(example.feedback)}
    whole = tokenizer.apply_chat_template([*render_messages("feedback", example.text), answer], tokenize=False)
    assert tokenizer.decode([*encoded.prompt_ids, *encoded.answer_ids]) + "\n" == whole


@pytest.mark.parametrize("prefix", [0, 9])
def test_examples_share_a_row(encoder, prefix):
    """Examples lie behind their shared beginning, at the positions they have alone, and each supervises its own answer."""
    encoded = encoder.encode_examples(some_examples(4), 10_000)
    batch = collate(encoded, prefix, "cpu")
    for part, each in zip(batch.segments.parts, encoded, strict=True):
        start, end = part.start, part.start + len(each) - prefix
        assert batch.input_ids[0, start:end].tolist() == [*each.prompt_ids, *each.answer_ids][prefix:]
        assert batch.position_ids[0, start:end].tolist() == list(range(prefix, len(each)))
    taught = [token for each in encoded for token in each.answer_ids]
    assert batch.input_ids[0, batch.predicts + 1].tolist() == batch.targets.tolist() == taught
    assert batch.input_ids.shape[1] % ROW_MULTIPLE["cpu"] == 0
    assert all((part.end - part.start) % OWN_MULTIPLE == 0 for part in batch.segments.parts[:-1])


def test_long_transcript_is_cut_and_answer_kept(encoder, caplog):
    """A long transcript is cut at its end and its answer is not."""
    short, long = encoder.encode_examples([an_example(0), an_example(0, "so " * 2000)], 1500)
    assert 1490 < len(long) <= 1500
    assert long.answer_ids == short.answer_ids
    assert "1 of 2 transcripts were cut to fit 1500 tokens" in caplog.text


@pytest.mark.parametrize("text", ["\U0001f600" * 3000, "<|im_end|>" * 900, "<transcript>" * 900, "\u4f60\u597d " * 900])
def test_cut_transcript_fits_and_stays_clean(tokenizer, encoder, text):
    (asked,), cut = encoder.encode_prompts([text], [1400], "")
    said = tokenizer.decode(asked).split("<transcript>\n")[1].split("\n</transcript>")[0]
    assert cut == {0}
    assert 1380 < len(asked) <= 1400
    assert text.startswith(said.replace("&lt;", "<"))


def test_a_limit_below_the_prompt_is_refused(encoder):
    with pytest.raises(InputError, match=r"--set max_length=\d+"):
        encoder.encode_examples([an_example()], 300)


def test_answer_rewriting_template_is_refused(micro_base: BaseModel):
    """A template that rewrites answers cannot be trained on."""
    tokenizer = load_tokenizer(micro_base)
    tokenizer.chat_template = tokenizer.chat_template.replace("message['content']", "message['content'] | upper")
    with pytest.raises(ModelError, match="changes the prompt or the answer"):
        ChatEncoder(tokenizer)
