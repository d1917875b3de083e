"""Promises of the embedded base model. The full one comes from the user's cache, where the demo finds it too."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from feedback_model.demo.labeller.explanations import explain
from feedback_model.demo.speech import generate_transcripts
from feedback_model.demo.tiny_base import embedded_base
from feedback_model.demo.tiny_corpus import write_readings
from feedback_model.errors import ConfigurationError, Interrupted
from feedback_model.feedback import render_feedback
from feedback_model.progress import clear_stop, reporting_to, request_stop
from feedback_model.prompts import render_messages
from feedback_model.traits import TRAIT_KEYS

TEXTS = [made.text for made in generate_transcripts(32, 99)]
ANSWER = render_feedback(explain(TEXTS[0]).feedback)


@pytest.fixture(scope="module")
def base():
    return embedded_base()


@pytest.fixture(scope="module")
def tokenizer(base):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(base.location, padding_side="left")


@pytest.fixture
def hasty(monkeypatch):
    """A curriculum of a few steps, for what is about folders and not about learning."""
    from feedback_model.demo import tiny_training

    monkeypatch.setattr(tiny_training, "CURRICULUM", (tiny_training.Stage(3, 4, 1, 0.5),))


def answers_of(base, tokenizer):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base.location)
    chats = [render_messages("feedback", text) for text in TEXTS]
    inputs = tokenizer.apply_chat_template(
        chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
    )
    with torch.inference_mode():
        output = model.generate(**inputs, max_new_tokens=200, do_sample=False)
    return tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def parsed(answer):
    try:
        return {trait: found["score"] for trait, found in json.loads(answer).items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def test_base_knows_the_format_not_the_scores(base, tokenizer):
    """Base writes the format but does not know the scores."""
    scores = [parsed(answer) for answer in answers_of(base, tokenizer)]
    pairs = [
        (said[trait], explain(text).feedback.scores[trait])
        for said, text in zip(scores, TEXTS, strict=True)
        if said is not None and list(said) == list(TRAIT_KEYS)
        for trait in TRAIT_KEYS
    ]
    assert len(pairs) > 0.3 * len(TEXTS) * len(TRAIT_KEYS)
    assert sum((said - true) ** 2 for said, true in pairs) / len(pairs) > 3


@pytest.mark.parametrize(
    "text", [TEXTS[0], ANSWER, "\u00fcber 2,010 caf\u00e9s \U0001f600 \u0645\u0631\u062d\u0628\u0627\r\n\t end  "]
)
def test_tokenizer_gives_back_what_it_took(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_tokenizer_has_qwen2s_shape(tokenizer):
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")
    assert len(tokenizer("10")["input_ids"]) == 2
    assert len(tokenizer(ANSWER)["input_ids"]) < 200


def test_template_marks_the_answer_and_its_end_token(tokenizer):
    chat = [*render_messages("feedback", TEXTS[0]), {"role": "assistant", "content": ANSWER}]
    encoded = tokenizer.apply_chat_template(chat, return_assistant_tokens_mask=True, return_dict=True)
    pairs = zip(encoded["input_ids"], encoded["assistant_masks"], strict=True)
    assert tokenizer.decode([token for token, marked in pairs if marked]) == f"{ANSWER}<|im_end|>"


def test_corpus_never_holds_true_scores():
    """Notes never hold a digit and chats never the true feedback."""
    for reading in write_readings(200, 5, 2, 0.5):
        answer, text = reading.messages[2]["content"], reading.messages[1]["content"].removeprefix("Transcript:\n")
        if reading.notes:
            assert not any(character.isdigit() for character in answer)
        else:
            assert answer != render_feedback(explain(text).feedback)


def test_base_says_that_it_is_the_demos(base):
    assert base.stand_in
    assert base.name == "embedded"


def test_two_builders_end_with_the_same_base(hasty, tmp_path):
    """Two builders at once both end with the same base."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(embedded_base, [tmp_path, tmp_path])
    assert first == second
    assert [folder.name for folder in tmp_path.iterdir()] == [f"tiny-base-{first.revision}"]


def test_stopped_build_leaves_nothing(hasty, tmp_path):
    """Building shows progress and can be stopped without leaving anything."""
    seen = []

    def stop_at_two(progress):
        seen.append(progress)
        if progress.done == 2:
            request_stop()

    try:
        with reporting_to(stop_at_two), pytest.raises(Interrupted):
            embedded_base(tmp_path)
    finally:
        clear_stop()
    assert [progress.done for progress in seen] == [0, 1, 2]
    assert list(tmp_path.iterdir()) == []


def test_unwritable_cache_is_a_clear_error(tmp_path):
    """A cache that cannot be written is a clear error."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ConfigurationError, match="XDG_CACHE_HOME"):
        embedded_base(blocked)
