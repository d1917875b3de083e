"""Preflight of a base model: loaded once and tried on chats like those of a training, before a label is bought for it.

`check_base` raises what is wrong in one sentence. It asks neither the database nor the labeller.
"""
# pyright: basic

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from feedback_model.demo.real_speech import read_real_speech
from feedback_model.errors import ConfigurationError, ModelError
from feedback_model.feedback import LONGEST_EXPLANATION, Feedback, TraitFeedback
from feedback_model.progress import track
from feedback_model.records.labels import LabelledTranscript
from feedback_model.records.recipe import PrecisionName, Recipe
from feedback_model.records.training import BaseModel
from feedback_model.sizes import show_size
from feedback_model.training.encoding import ChatEncoder, EncodedExample
from feedback_model.training.loading import device_name, load_config, load_model, load_tokenizer, outline
from feedback_model.training.memory import free_memory, keep_freed_memory
from feedback_model.training.precision import choose_for

if TYPE_CHECKING:
    from feedback_model.training.objective import Objective

_log = logging.getLogger(__name__)

LEAST_TRANSCRIPT: Final = 100
"""Tokens that prompt and longest answer must leave to a transcript: some 75 words, less than the shortest piece of a talk."""
WORST_LOSS: Final = 2.0
"""Nats a token by which a base may do worse than guessing; one that was trained does better, random weights do about as well."""
KNOWS_LITTLE: Final = 0.75
"""Share of the loss of guessing from which a base seems to know no English; SmolLM2 has 0.29, with Llama 2's tokenizer 0.85."""
_NF4_BYTES: Final = 0.516
"""Bytes of a weight in NF4 with double quantisation: 4.127 bits (Dettmers et al. 2023, section 3)."""
_ADAPTER_BYTES: Final = 16
"""Bytes of an adapter's parameter in training: itself, its gradient and the two moments of AdamW in float32."""
_EXPLANATIONS: Final = (
    "The main point is stated early and every sentence after it is short enough to be followed by somebody new to it.",
    "Two concrete cases from a hospital and a farm show what was meant, though neither of them names a date or sum.",
    "Nobody is addressed directly until the last minute, when one question finally asks what the town should do with the money.",
    "Paragraphs follow the years from 1950 onwards, yet a listener who missed the beginning would not know why they matter now.",
    "Claims about prices rest on a report that is quoted exactly, while those about health are left without any source at all.",
    "His tone stays warm and calm throughout, with hardly a filler word, and a dry joke lightens the hardest part of it.",
)
_WAY_ON: Final = "download it again or choose another --base-model"


@dataclass(frozen=True, slots=True)
class CheckedBase:
    """What a base model was found to be that can be trained."""

    transcript_tokens: int
    """Tokens left to a transcript beside the prompt and the longest answer."""
    loss: float
    """Mean loss per token of made-up answers before any training, in nats."""
    needed_bytes: int
    """Memory of weights, adapters, optimiser and a pass over one longest example."""
    device: str
    """`cpu` or `cuda`."""


def check_base(base: BaseModel, recipe: Recipe, memory: int = 0) -> CheckedBase:
    """Load `base` as a training would and see that `recipe` can train it.

    Args:
        memory: bytes that this process may hold in all; 0: what the machine has.

    Raises:
        ModelError: files, tokenizer, chat template, vocabulary or weights are damaged or do not belong together.
        ConfigurationError: prompt and answer do not fit, or the memory does not suffice.
        Interrupted: a stop was requested.
    """
    tracker, device = track("check the base model", 3), device_name()
    precision = choose_for(base, recipe.precision, device)["used"]
    tokenizer, config = load_tokenizer(base), load_config(base)
    encoder = ChatEncoder(tokenizer)
    _demand_embedded(base, tokenizer, encoder, config.vocab_size)
    reads = _tokens_read(base, config)
    room = _demand_room(base, encoder, recipe, reads)
    tracker.advance(detail="tokenizer and template")
    _demand_memory_for_weights(base, recipe, precision, device, memory)
    keep_freed_memory(False)  # what was kept once would be used again by a training of this process
    model = load_model(base, quantised=True, device=device, precision=precision, memory=memory)
    tracker.advance(detail="weights")
    loss, needed = _try_out(
        base, model, encoder, replace(recipe, max_length=min(recipe.max_length, reads)), device, memory
    )
    tracker.advance(detail="loss and memory")
    return CheckedBase(room, loss, needed, device)


def _demand_embedded(base: BaseModel, tokenizer: Any, encoder: ChatEncoder, rows: int) -> None:
    """Raise unless the model has an embedding for every token that a chat may hold.

    Special tokens beyond the embedding are no fault as long as no chat has them: published models come with some for images.
    """
    special = {at for at, token in tokenizer.added_tokens_decoder.items() if token.special}
    used = {*encoder.ids([encoder.prompt("")])[0], encoder.end_token_id, tokenizer.pad_token_id or 0}
    highest = max(used | (set(tokenizer.get_vocab().values()) - special))
    if highest >= rows:
        raise ModelError(
            f"the tokenizer of the base model {base.name} gives token ids up to {highest:,}, but its weights have embeddings "
            f"for {rows:,} tokens alone, so one of the two is another model's; {_WAY_ON}"
        )


def _tokens_read(base: BaseModel, config: Any) -> int:
    reads = getattr(config, "max_position_embeddings", None)
    if not reads:
        raise ModelError(
            f"the base model {base.name} does not say how many tokens it reads (max_position_embeddings in its config.json); "
            "choose another --base-model"
        )
    return reads


def _demand_room(base: BaseModel, encoder: ChatEncoder, recipe: Recipe, reads: int) -> int:
    """Return the tokens that prompt and longest answer leave to a transcript; raise where these are too few."""
    prompt, answer = len(encoder.prompt_ids([""])[0]), encoder.longest_answer([_feedback()])
    context, least = min(recipe.max_length, reads), prompt + answer + LEAST_TRANSCRIPT
    if context < least:
        way_on = (
            f"train with --set max_length={least}" if least <= reads else "choose a --base-model that reads as much"
        )
        raise ConfigurationError(
            f"{base.name} would be trained on {context:,} tokens at a time, but needs {least:,}: the prompt takes {prompt:,}, an "
            f"answer up to {answer:,}, and a transcript {LEAST_TRANSCRIPT} at least; {way_on}"
        )
    return context - prompt - answer


def _feedback() -> Feedback:
    """Make up feedback as long as a labeller is asked to give at most."""
    # No sentence repeats another: what a model can copy says nothing of what it knows.
    words = [sentence.split()[:LONGEST_EXPLANATION] for sentence in _EXPLANATIONS]
    return Feedback(tuple(TraitFeedback(10, " ".join(each)) for each in words))


def _examples() -> list[LabelledTranscript]:
    """Make up labels for the two shortest and the longest of the excerpts of real speech that ship with the package."""
    texts = sorted(read_real_speech(), key=len)
    return [
        LabelledTranscript(f"{at}", f"{at}", text, "train", "real", _feedback())
        for at, text in enumerate([*texts[:2], texts[-1]])
    ]


def _demand_memory_for_weights(
    base: BaseModel, recipe: Recipe, precision: PrecisionName, device: str, memory: int
) -> None:
    """Raise where not even weights and adapters fit, before the attempt to load them takes the machine down."""
    needed, free = least_bytes(base, recipe, precision), free_memory(device, memory)
    if needed > free:
        raise ConfigurationError(
            f"{base.name} takes {show_size(needed)} in 4 bits with its adapters of rank {recipe.rank} and their optimiser, but "
            f"{show_size(free)} of memory are free; give more with --memory, free some, or choose a smaller --base-model"
        )


def least_bytes(base: BaseModel, recipe: Recipe, precision: PrecisionName) -> int:
    """Count the bytes that `base` takes in 4 bits, with what is trained on it; loads no weights."""
    import torch
    from torch import nn

    model = outline(base)
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    quantised = [module for module in linear if module is not model.get_output_embeddings()]
    in_4_bits = sum(module.weight.numel() for module in quantised)
    others = sum(parameter.numel() for parameter in model.parameters()) - in_4_bits
    adapters = recipe.rank * sum(module.in_features + module.out_features for module in quantised)
    return int(_NF4_BYTES * in_4_bits + getattr(torch, precision).itemsize * others + _ADAPTER_BYTES * adapters)


def _try_out(
    base: BaseModel, model: Any, encoder: ChatEncoder, recipe: Recipe, device: str, memory: int
) -> tuple[float, int]:
    """Return the loss of some examples, and the bytes that a training takes whose longest one is as long as `recipe` allows."""
    from feedback_model.training.memory_plan import bytes_to_train
    from feedback_model.training.objective import branch_loss, choose_objective
    from feedback_model.training.qlora import attach_adapters

    branches = branch_loss(encoder, recipe)
    examples = encoder.encode_examples(_examples(), recipe.max_length, branched=branches is not None)
    weights = sum(parameter.nbytes for parameter in model.parameters())
    adapted = attach_adapters(model, recipe)
    loss = _sound_loss(base, adapted, [example.without_branches() for example in examples[:2]], device)
    objective = choose_objective(adapted, examples, recipe.dropout, device, branches)
    if not objective.packs:
        examples = [example.without_branches() for example in examples]
    longest = _lengthened(examples[-1], recipe.max_length)
    _demand_memory_for_examples(adapted, objective, examples, longest, device, memory)
    return loss, weights + bytes_to_train(adapted, objective, [*examples, longest], device)


def _lengthened(example: EncodedExample, tokens: int) -> EncodedExample:
    """Return `example` with a prompt so long that it takes `tokens` beside its branches."""
    spare = tokens - len(example.prompt_ids) - len(example.answer_ids)
    return replace(example, prompt_ids=example.prompt_ids + example.prompt_ids[-1:] * spare)


def _demand_memory_for_examples(
    model: Any,
    objective: "Objective",
    examples: Sequence[EncodedExample],
    longest: EncodedExample,
    device: str,
    memory: int,
) -> None:
    """Raise where `examples` do not fit into memory, and warn where only the `longest` that there could be does not."""
    from feedback_model.training.memory_plan import plan_memory

    try:
        plan_memory(model, objective, [*examples, longest], device, memory)
    except ConfigurationError as error:
        plan_memory(model, objective, examples, device, memory)
        _log.warning("training would stop if a transcript were as long as the recipe allows: %s", error)


def _sound_loss(base: BaseModel, model: Any, examples: Sequence[EncodedExample], device: str) -> float:
    """Return the mean loss per answer token in nats.

    Raises:
        ModelError: it is worse than guessing, or ours is not the model's own.
    """
    from feedback_model.training.objective import agreement

    try:
        own, ours = _losses(model.eval(), examples, device)
    except (AttributeError, TypeError, ValueError, RuntimeError, IndexError, NotImplementedError) as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"the base model {base.name} cannot be trained by this version: {first_line}; choose another --base-model"
        ) from error
    guessing = math.log(model.config.get_text_config().vocab_size)
    if not math.isfinite(own) or own > guessing + WORST_LOSS:
        raise ModelError(
            f"the base model {base.name} has a loss of {own:.1f} nats a token where guessing has {guessing:.1f}: its weights are "
            f"damaged, or its tokenizer is another model's; {_WAY_ON}"
        )
    if own > KNOWS_LITTLE * guessing:
        _log.warning(
            "%s has a loss of %.1f nats a token where guessing has %.1f: its weights are untrained, or its tokenizer is another "
            "model's",
            base.name,
            own,
            guessing,
        )
    if abs(ours - own) > agreement(model) * own:
        raise ModelError(
            f"the base model {base.name} computes its loss in a way that is not known here ({own:.3f} nats a token, here "
            f"{ours:.3f}); choose another --base-model"
        )
    return own


def _losses(model: Any, examples: Sequence[EncodedExample], device: str) -> tuple[float, float]:
    """Compute the mean loss per answer token twice: as transformers does from labels, and as training does."""
    import torch

    from feedback_model.training.collate import collate
    from feedback_model.training.objective import OwnObjective

    objective, own, ours = OwnObjective(model), 0.0, 0.0
    with torch.no_grad():
        for example in examples:
            batch, answer = collate([example], 0, device), len(example.answer_ids)
            ids = batch.input_ids[:, : len(example)]
            labels = ids.clone()
            labels[:, :-answer] = -100  # what the loss of transformers leaves out
            own += float(model(input_ids=ids, labels=labels, use_cache=False).loss) * answer
            ours += float(objective(batch).answers)
    n_tokens = sum(len(example.answer_ids) for example in examples)
    return own / n_tokens, ours / n_tokens
