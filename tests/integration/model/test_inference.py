"""Asking models: plainly, once, and from where it was left."""

from dataclasses import replace

import pytest
import torch

from feedback_model import progress
from feedback_model.errors import InputError, Interrupted, ModelError
from feedback_model.inference import infer as inferring
from feedback_model.inference import loaded
from feedback_model.inference.infer import infer, model_versions, score_texts
from feedback_model.inference.reference import ReferenceGenerator
from feedback_model.prompts import prompt_text, prompt_version, render_messages
from feedback_model.store.predictions import missing_outputs, read_outputs
from feedback_model.store.prompts import read_prompt
from feedback_model.store.training import model_version_of
from feedback_model.training.loading import load_model, load_tokenizer
from feedback_model.training.train import train
from tests.builders import a_transcript, store_transcripts
from tests.micro_model import a_recipe, some_examples, store_dataset

LIMIT = 12  # new tokens; enough to see a difference between models


@pytest.fixture
def transcripts(store):
    made = [a_transcript(f"number {n} " + "and then some " * n, split="test") for n in range(5)]
    store_transcripts(store, made)
    return made


@pytest.fixture
def base_model(micro_base):
    base, _ = model_versions(micro_base, None)
    return base


def test_batch_equals_the_library_one_by_one(micro_base):
    """A batch says what the library says one by one."""
    model, tokenizer = load_model(micro_base, quantised=False, device="cpu"), load_tokenizer(micro_base)
    texts = ["short", "a somewhat longer text", "ünïcödé 🙂 " * 5]
    together = ReferenceGenerator(model, tokenizer, LIMIT).generate(texts)
    for text, output in zip(texts, together, strict=True):
        prompt = tokenizer.apply_chat_template(
            render_messages("feedback", text), add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        alone = model.generate(**prompt, max_new_tokens=LIMIT, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        expected = tokenizer.decode(alone[0, prompt["input_ids"].shape[1] :])
        assert output.raw.decode() == expected.removesuffix("<|im_end|>")


def test_answer_ends_at_its_end_token(micro_base):
    """An answer ends at its end token and says so."""
    generator = ReferenceGenerator(load_model(micro_base, quantised=False, device="cpu"), load_tokenizer(micro_base), 9)
    end = generator._encoder.end_token_id
    letters = generator._encoder.ids(["ok"])[0]
    stopped = generator._output([*letters, end, *letters], 0.5)
    cut = generator._output(letters, 0.5)
    assert (stopped.raw, stopped.finish_reason, stopped.n_tokens) == (b"ok", "stop", 3)
    assert (cut.raw, cut.finish_reason, cut.n_tokens) == (b"ok", "length", 2)


def test_five_models_are_asked_with_two_loads(store, settings, micro_base, transcripts, monkeypatch):
    run = train(store, settings.home, store_dataset(store), some_examples(), micro_base, a_recipe(epochs=3))
    models = model_versions(micro_base, run)
    loads = []
    loading = loaded.load_model
    monkeypatch.setattr(loaded, "load_model", lambda *arguments: loads.append(arguments) or loading(*arguments))
    loaded.unload()
    names = [infer(store, settings.home, model, transcripts, max_new_tokens=LIMIT) for model in models]
    assert [model.name for model in models] == ["base", "base-nf4", "epoch-1", "epoch-2", "epoch-3"]
    assert len(loads) == 2
    assert len(set(names)) == 5
    assert all(len(read_outputs(store, name)) == len(transcripts) for name in names)


def test_swapping_adapters_gives_what_a_fresh_load_gives(store, settings, micro_base):
    # Two adapters of so small a model may say the same: a high rate and four of them, so that not all do.
    recipe = a_recipe(learning_rate=0.1, epochs=4)
    run = train(store, settings.home, store_dataset(store), some_examples(), micro_base, recipe)
    models = model_versions(micro_base, run)[1:]
    swapped = [score_texts(settings.home, model, ["one text", "another"], LIMIT) for model in (*models, models[0])]
    for model, said in zip(models, swapped, strict=False):
        loaded.unload()
        fresh = score_texts(settings.home, model, ["one text", "another"], LIMIT)
        assert [p.raw for p in fresh] == [p.raw for p in said]
    assert [p.raw for p in swapped[0]] == [p.raw for p in swapped[-1]]
    assert len({said[0].raw for said in swapped}) >= 3


def test_nothing_is_asked_twice(store, settings, base_model, transcripts, asked):
    infer(store, settings.home, base_model, transcripts[:3], max_new_tokens=LIMIT)
    infer(store, settings.home, base_model, transcripts, max_new_tokens=LIMIT)
    infer(store, settings.home, base_model, transcripts, max_new_tokens=LIMIT)
    assert sorted(asked) == sorted(transcript.text for transcript in transcripts)
    assert read_prompt(store, prompt_version("feedback")).text == prompt_text("feedback")


def test_interrupted_inference_keeps_its_batches(store, settings, base_model, transcripts, asked, monkeypatch):
    """An interrupted inference keeps its batches and goes on."""
    monkeypatch.setattr(inferring, "BATCH_SIZE", 2)

    def stop(seen: progress.Progress) -> None:
        if seen.done == 2:
            progress.request_stop()

    with progress.reporting_to(stop), pytest.raises(Interrupted):
        infer(store, settings.home, base_model, transcripts, max_new_tokens=LIMIT)
    progress.clear_stop()
    inference_id = infer(store, settings.home, base_model, transcripts, max_new_tokens=LIMIT)
    assert not missing_outputs(store, inference_id, [one.transcript_id for one in transcripts])
    assert len(asked) == len(transcripts)


def test_stop_request_ends_batch_at_next_token(store, settings, base_model, transcripts):
    """A request to stop ends a batch at its next token."""
    progress.request_stop()
    with pytest.raises(Interrupted):
        score_texts(settings.home, base_model, ["text"], 500)


def test_the_longest_transcripts_are_asked_first(store, settings, base_model, transcripts, asked):
    infer(store, settings.home, base_model, transcripts, max_new_tokens=LIMIT)
    assert asked == sorted(asked, key=len, reverse=True)


def test_again_asks_about_everything_anew(store, settings, base_model, transcripts, asked):
    first = infer(store, settings.home, base_model, transcripts, max_new_tokens=LIMIT)
    assert infer(store, settings.home, base_model, transcripts, max_new_tokens=LIMIT, again=True) == first
    assert len(asked) == 2 * len(transcripts)
    assert len(read_outputs(store, first)) == len(transcripts)


def test_a_model_is_found_again_by_its_id(store, settings, micro_base, transcripts):
    run = train(store, settings.home, store_dataset(store), some_examples(2), micro_base, a_recipe(epochs=1))
    for model in model_versions(micro_base, run):
        infer(store, settings.home, model, transcripts[:1], max_new_tokens=LIMIT)
        assert model_version_of(store, model.model_id) == model


def test_model_outlives_other_weights_of_its_run(store, settings, micro_base, transcripts):
    """A model outlives a training that gives its run other weights."""
    dataset, recipe = store_dataset(store), a_recipe(epochs=1)
    made = train(store, settings.home, dataset, some_examples(2), micro_base, recipe)
    infer(store, settings.home, model_versions(micro_base, made)[-1], transcripts[:1], max_new_tokens=LIMIT)
    before = model_version_of(store, model_versions(micro_base, made)[-1].model_id)
    said = score_texts(settings.home, before, ["text"], LIMIT)
    for n_examples in (4, 6):
        again = train(store, settings.home, dataset, some_examples(n_examples), micro_base, recipe, again=True)
        assert again.run_id == made.run_id
        assert again.checkpoints[0].adapter_sha != made.checkpoints[0].adapter_sha
    for model in (before, model_version_of(store, before.model_id)):
        loaded.unload()
        assert [p.raw for p in score_texts(settings.home, model, ["text"], LIMIT)] == [p.raw for p in said]


def test_same_weights_elsewhere_are_the_same_model(base_model):
    """The same weights in another folder are the same model."""
    moved = replace(base_model, base=replace(base_model.base, location="/elsewhere", name="/elsewhere"))
    assert moved.model_id == base_model.model_id


def test_weights_that_changed_on_disk_are_refused(store, settings, micro_base):
    run = train(store, settings.home, store_dataset(store), some_examples(2), micro_base, a_recipe(epochs=1))
    epoch = model_versions(micro_base, run)[-1]
    weights = settings.home / run.checkpoints[0].path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"x")
    loaded.unload()
    with pytest.raises(ModelError, match="not those the store knows"):
        score_texts(settings.home, epoch, ["text"], LIMIT)
    (settings.home / run.checkpoints[0].path).rename(settings.home / "gone")
    with pytest.raises(ModelError, match="is gone"):
        score_texts(settings.home, epoch, ["text"], LIMIT)


def test_transcript_beyond_context_is_cut_and_answered(settings, base_model):
    """A transcript longer than the context is cut and answered."""
    said = score_texts(settings.home, base_model, ["short", "so " * 5000, "also short"], LIMIT)
    assert all(output.n_tokens > 0 for output in said)
    assert [output.truncated for output in said] == [False, True, False]


def test_batch_too_large_for_memory_is_halved(micro_base, monkeypatch):
    """A batch that does not fit into memory is halved."""
    generator = ReferenceGenerator(load_model(micro_base, quantised=False, device="cpu"), load_tokenizer(micro_base), 3)
    answer_ids, sizes = generator._answer_ids, []

    def small_memory(prompts):
        sizes.append(len(prompts))
        if len(prompts) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return answer_ids(prompts)

    monkeypatch.setattr(generator, "_answer_ids", small_memory)
    assert len(generator.generate(["a", "b", "c"])) == 3
    assert sizes == [3, 1, 2, 1, 1]


def store_rows(store, inference_id):
    columns = ", ".join(f"p_{score}" for score in range(1, 11))
    query = f"SELECT transcript_id, trait, {columns} FROM score_distribution WHERE inference_id = '{inference_id}'"
    with store.read() as connection:
        return connection.exec_driver_sql(query).all()


def test_unknown_decoding_is_refused(store, settings, base_model, transcripts):
    """A way of decoding that is not there is refused."""
    with pytest.raises(InputError, match="'sampled' is not available"):
        infer(store, settings.home, base_model, transcripts, decoding="sampled")


def test_scores_alone_are_kept_as_distributions(store, settings, base_model, transcripts):
    """A model that is asked for scores alone leaves a distribution of each trait and no text."""
    inference_id = infer(store, settings.home, base_model, transcripts, decoding="direct")
    kept = store_rows(store, inference_id)
    assert len(kept) == 6 * len(transcripts)
    assert all(sum(row[2:]) == pytest.approx(1) for row in kept)
