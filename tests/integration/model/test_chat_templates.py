"""Chats of published models: what is read in training is what is read in use, and no transcript ends its turn."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback_model.errors import ModelError
from feedback_model.feedback import Feedback, TraitFeedback, render_feedback
from feedback_model.prompts import mark_off, render_messages
from feedback_model.training.encoding import ChatEncoder
from feedback_model.traits import TRAIT_KEYS
from tests.micro_model import an_example
from tests.real_tokenizers import PUBLISHED, real_tokenizer

TEXT = an_example(3).text
MARKERS = [
    "<|im_end|>",
    "<|im_start|>system\n",
    "</s>",
    "<|eot_id|>",
    "<end_of_turn>",
    "<bos>",
    "<unk>",
    "<|endoftext|>",
]
plain = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], max_codepoint=0x1FFFF), max_size=30).map(
    lambda text: unicodedata.normalize("NFC", text)
)
hostile = st.lists(st.one_of(plain, st.sampled_from(MARKERS)), min_size=1, max_size=6).map("".join)


@pytest.fixture(scope="module", params=PUBLISHED)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def published(name):
    return PUBLISHED[name]


@pytest.fixture(scope="module")
def tokenizer(name):
    return real_tokenizer(name)


@pytest.fixture(scope="module")
def encoder(tokenizer):
    return ChatEncoder(tokenizer)


def feedback_of(explanation):
    return Feedback(tuple(TraitFeedback(10, explanation) for _ in TRAIT_KEYS))


def special_tokens(encoder, ids):
    return [token for token in ids if token in encoder._special]


def test_answer_stands_where_the_template_puts_it(published, encoder):
    assert encoder.prompt(TEXT).endswith(mark_off(TEXT) + published.after)
    assert encoder.end_token == published.end_token


def test_system_prompt_is_never_lost(published, encoder):
    """A template without a system turn has that text open the user's."""
    system, user = render_messages("feedback", TEXT)
    assert system["content"] in encoder.prompt(TEXT)
    assert (f"{system['content']}\n\n{user['content']}" in encoder.prompt(TEXT)) == (
        published.merged or published.folder == "gemma3"
    )


def test_ids_are_those_of_the_rendered_chat(name, published, tokenizer, encoder):
    """Joined, prompt and answer are the ids of the chat that the template renders."""
    example = an_example(3)
    (encoded,) = encoder.encode_examples([example], 4096)
    messages = render_messages("feedback", example.text)
    if published.merged:
        messages = [{"role": "user", "content": "\n\n".join(message["content"] for message in messages)}]
    answer = " " * (name == "mistral") + render_feedback(
        example.feedback
    )  # that template glues what its tokenizer parts
    whole = tokenizer.apply_chat_template(
        [*messages, {"role": "assistant", "content": answer}],
        tokenize=False,
        date_string="26 Jul 2024",
    )
    ids = [*encoded.prompt_ids, *encoded.answer_ids[:-1]]
    assert encoder.ids([whole])[0][: len(ids)] == ids


def test_inference_reads_what_training_read(encoder):
    examples = [an_example(3), an_example(4, "Hello </s> <|im_end|> there")]
    trained = encoder.encode_examples(examples, 4096)
    asked, _ = encoder.encode_prompts([example.text for example in examples], [4096] * 2, "")
    assert [list(each.prompt_ids) for each in trained] == asked


@settings(max_examples=20)
@given(text=plain)
def test_ordinary_texts_keep_their_ids(tokenizer, encoder, text):
    assert encoder.prompt_ids([text])[0] == tokenizer(encoder.prompt(text), add_special_tokens=False)["input_ids"]


@settings(max_examples=20)
@given(text=hostile)
def test_no_transcript_ends_its_turn(encoder, text):
    """Special tokens written in a transcript stay characters."""
    ordinary, asked = encoder.prompt_ids(["x", text])
    assert special_tokens(encoder, asked) == special_tokens(encoder, ordinary)
    assert asked[-3:] == ordinary[-3:]


@settings(max_examples=20)
@given(text=hostile)
def test_prompt_and_answer_decode_back(published, tokenizer, encoder, text):
    def decoded(ids):
        return tokenizer.decode(ids, clean_up_tokenization_spaces=False)

    def read(text):  # Llama 2's tokenizer writes spaces of its own beside special tokens
        return "".join(text.split()) if published.folder == "llama2" else text

    feedback = feedback_of(text)
    assert read(decoded(encoder.prompt_ids([text])[0])) == read(encoder.prompt(text))
    assert read(decoded(encoder.answer_ids([feedback])[0])) == read(render_feedback(feedback) + published.end_token)


@settings(max_examples=20)
@given(text=hostile)
def test_no_label_ends_its_answer(encoder, text):
    (answer,) = encoder.answer_ids([feedback_of(text)])
    assert special_tokens(encoder, answer) == answer[-1:] == [encoder.end_token_id]


def test_date_in_a_template_is_pinned():
    """A template that writes the day writes the same one every day."""
    tokenizer = real_tokenizer("llama3_2")
    today = tokenizer.apply_chat_template(render_messages("feedback", TEXT), tokenize=False)
    assert "Today Date: 26 Jul 2024\n" in ChatEncoder(tokenizer).prompt(TEXT)
    assert "26 Jul 2024" not in today


def test_date_that_cannot_be_pinned_is_refused(monkeypatch):
    tokenizer = real_tokenizer("llama3_2")
    monkeypatch.setattr(tokenizer, "chat_template", "{% set f = '%d' %}{{ strftime_now(f) }}")
    with pytest.raises(ModelError, match=r"writes a date.*--base-model"):
        ChatEncoder(tokenizer)


@pytest.mark.parametrize("name", ["qwen2_5", "smollm2"], indirect=True)
def test_ten_is_two_tokens(tokenizer, encoder):
    score = tokenizer('"score": 10', add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(score)[-2:] == ["1", "0"]
    short, long = (
        encoder.longest_answer([Feedback(tuple(TraitFeedback(score, "ok") for _ in TRAIT_KEYS))]) for score in (9, 10)
    )
    assert long == short + len(TRAIT_KEYS)


def test_longest_answer_is_that_of_the_data(encoder):
    feedbacks = [feedback_of("short"), feedback_of("much longer than the other one")]
    assert (
        encoder.longest_answer(feedbacks)
        == len(encoder.answer_ids(feedbacks)[1])
        > len(encoder.answer_ids(feedbacks)[0])
    )
    assert encoder.longest_answer([]) == 0


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{{ raise_exception('no chats') }}", r"refuses a user turn and its answer \(no chats\)"),
        ("{% for m in messages %}{{ m.content | upper }}<|im_end|>{% endfor %}", "changes the prompt or the answer"),
        ("{% for m in messages %}{{ m.content }} {% endfor %}", "does not end an answer with a special token"),
    ],
)
def test_unusable_template_is_refused(monkeypatch, template, sentence):
    tokenizer = real_tokenizer("qwen2_5")
    monkeypatch.setattr(tokenizer, "chat_template", template)
    with pytest.raises(ModelError, match=f"{sentence}.*--base-model"):
        ChatEncoder(tokenizer)
